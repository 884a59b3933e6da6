//! What must be true whenever somebody looks.

use std::collections::BTreeSet;
use std::time::Duration;

use super::context::Context;
use super::host::{CheckId, Moment, Time};
use super::model::{Book, Ending, Run, SLACK as PRECISION};
use super::semantics::{GRACE, RESTART, UNNOTICED};
use super::states::State;
use crate::{CheckState, Probe, Snapshot, Status};

/// How late the refresher may be although the process runs: its timers are precise to 1 ms.
const SLACK: Duration = Duration::from_millis(20);

/// What one look saw.
pub(super) struct Look<'a> {
    pub(super) snapshot: &'a Snapshot,
    /// The readiness that a probe would have got at the same time.
    pub(super) readiness: Status,
    /// Whether every task had its turns just before.
    pub(super) is_settled: bool,
    /// A time since which every task had its turns.
    pub(super) settled_since: Time,
    /// Whether the application refuses traffic, or drains.
    pub(super) is_refusing: bool,
    /// Whether readers may have stopped to forgive the refresher.
    pub(super) is_overdue: bool,
    /// Whether the lateness since some result may have used up the bound.
    pub(super) is_bound_used_up: bool,
}

impl Look<'_> {
    /// The probe is what the checks and the lifecycle make it.
    pub(super) fn readiness_is_that_of_its_checks(&self) -> Result<(), String> {
        let checks = self.snapshot.checks(Probe::Readiness);
        let worst = checks.map(CheckState::status).max().unwrap_or(Status::Pass);
        let has_started = self.snapshot.status(Probe::Startup) == Status::Pass;
        let expected = if has_started && !self.is_refusing {
            worst
        } else {
            Status::Fail
        };
        let seen = (self.snapshot.status(Probe::Readiness), self.readiness);
        if seen != (expected, expected) {
            return Err(format!(
                "readiness is {expected} by its checks, but the snapshot and a probe say {seen:?}"
            ));
        }
        Ok(())
    }

    /// Checks one check that is registered; `seen` is `None` if the snapshot does not have it.
    pub(super) fn check(
        &self,
        id: CheckId,
        book: &mut Book,
        seen: Option<&CheckState>,
        facts: &Context<'_>,
    ) -> Result<(), String> {
        let fault = |what: String| {
            let run = book_summary(id, book, facts.now);
            format!("{}: {what}\n{run}", book.name)
        };
        let Some(seen) = seen else {
            return Err(fault("is registered, but not in the snapshot".to_owned()));
        };
        self.result_is_fresh(book, seen, facts).map_err(fault)?;
        book.publish(facts);
        let fault = |what: String| {
            let run = book_summary(id, book, facts.now);
            format!("{}: {what}\n{run}", book.name)
        };
        run_is_in_its_time(book, facts).map_err(fault)?;
        if self.is_settled && !facts.is_restarting {
            self.run_ends_in_time(book, facts).map_err(fault)?;
            self.next_run_is_in_time(book, facts).map_err(fault)?;
        }
        self.result_is_not_stale(book, seen, facts).map_err(fault)?;
        let (possible, shown) = status_is_possible(book, seen, facts);
        if !possible.iter().any(|state| state.shown == shown) {
            let run = book_summary(id, book, facts.now);
            return Err(format!(
                "{}: shows {shown}, which its results cannot cause: {possible:?}\n{run}",
                book.name
            ));
        }
        if self.is_settled && !facts.is_restarting && !seen.is_stale() {
            book.saw(shown, &possible);
        }
        Ok(())
    }

    /// No green is older than its bound.
    fn result_is_fresh(
        &self,
        book: &Book,
        seen: &CheckState,
        facts: &Context<'_>,
    ) -> Result<(), String> {
        // Startup cannot become green by a result that is too old.
        let is_startup = book.settings.probe == Probe::Startup;
        let Some((end, _)) = book.last.and_then(|run| run.end) else {
            return Ok(());
        };
        // Without a result that counts, it shows none. The first one that counts, if it is a timeout,
        // ages only when the run is gone, but it is as bad as one that is too old.
        let is_bad = seen.status() >= book.settings.failure_status();
        let has_none = seen.time().is_none() || (book.published.is_none() && is_bad);
        if seen.is_stale() || is_startup || has_none || book.may_have_unknown_result(facts.now) {
            return Ok(());
        }
        let valid = book.settings.longest_stale_after() + book.slowest_at_most();
        let until = end.at + valid + facts.moved_at_most(end.at, facts.now);
        if facts.now > until + SLACK {
            return Err(format!(
                "its result counts {:?} after it was to be too old",
                facts.now - until
            ));
        }
        Ok(())
    }

    /// No result is stale before the process had the time to renew it.
    fn result_is_not_stale(
        &self,
        book: &Book,
        seen: &CheckState,
        facts: &Context<'_>,
    ) -> Result<(), String> {
        let Some(run) = book.published.filter(|_| seen.is_stale()) else {
            return Ok(());
        };
        let Some((end, _)) = run.end else {
            return Ok(());
        };
        let rests = book.settings.while_probed.is_some() || book.had_slow_abort;
        let is_unforgiven = self.is_overdue || self.is_bound_used_up;
        if rests || facts.was_restarted_since(end.at) || (!self.is_settled && is_unforgiven) {
            return Ok(());
        }
        // Without a run in flight, only what is lost after the start of the next one was due counts.
        let began = book.next_began.unwrap_or(facts.now);
        let idle = (began - end.at).saturating_sub(book.settings.longest_interval() + SLACK);
        let noticed =
            idle.min(facts.jumps.between(end.at, began).total) + facts.noticed(began, facts.now);
        let age = (facts.now - end.at).saturating_sub(noticed.min(facts.bound));
        let slowest = match book.settings.stale_after {
            Some(_) => run.slowest,
            None => Duration::ZERO,
        };
        let valid = book.settings.least_stale_after() + slowest;
        if age + SLACK < valid {
            return Err(format!(
                "is stale after {age:?} of {valid:?}: {:?}",
                seen.output().unwrap_or_default()
            ));
        }
        Ok(())
    }

    /// A run that hangs is given up.
    fn run_ends_in_time(&self, book: &Book, facts: &Context<'_>) -> Result<(), String> {
        let Some(run) = book.current.filter(|run| run.end.is_none()) else {
            return Ok(());
        };
        if facts.was_restarted_since(run.began) {
            return Ok(());
        }
        let unnoticed = facts.now - self.settled_since;
        let must_end_by = facts.must_end_by(&run, book.settings.timeout, facts.now);
        let mut until = must_end_by + unnoticed;
        if book.settings.detached.is_some() {
            if book.may_be_full() || book.settings.while_probed.is_some() {
                return Ok(());
            }
            // It is the next run that shows that this one was given up.
            until = until.max(book.full_at.unwrap_or_default());
            until += book.settings.longest_interval();
            until += facts.late_at_most(run.began, facts.now);
        }
        if facts.now > until + SLACK {
            return Err(format!("a run goes on {:?} too long", facts.now - until));
        }
        Ok(())
    }

    /// The next run starts one interval after the last has ended.
    fn next_run_is_in_time(&self, book: &Book, facts: &Context<'_>) -> Result<(), String> {
        let was_full = book.may_be_full() || book.full_at.is_some();
        if book.current.is_some() || book.settings.while_probed.is_some() || was_full {
            return Ok(());
        }
        let (since, interval) = match book.last.and_then(|run| run.end) {
            Some((end, ending)) => {
                let has_passed = matches!(ending, Ending::Passed | Ending::Warned);
                let is_done = has_passed || !book.settings.is_critical;
                if book.settings.probe == Probe::Startup && is_done {
                    return Ok(());
                }
                (end, book.longest_pause())
            }
            None => (book.added, Duration::ZERO),
        };
        let waited = facts.at_least(since.at, facts.now);
        if waited > interval + SLACK && !facts.was_restarted_since(since.at) {
            return Err(format!("no run has started for {waited:?}"));
        }
        Ok(())
    }
}

/// No run is aborted before it had its timeout, and a moment after a pause.
fn run_is_in_its_time(book: &Book, facts: &Context<'_>) -> Result<(), String> {
    for run in book.unsettled.iter().chain(&book.current) {
        if let Some(left) = left_after_pause(run, book, facts) {
            return Err(format!("a run was aborted {left:?} after a pause"));
        }
        if let Some(worked) = book.too_early(run, facts) {
            return Err(format!(
                "a run was aborted after {worked:?} of its timeout of {:?}",
                book.settings.timeout
            ));
        }
    }
    Ok(())
}

/// Returns how long after a pause a run was aborted, if that was too soon.
fn left_after_pause(run: &Run, book: &Book, facts: &Context<'_>) -> Option<Duration> {
    let (end, _) = run.end.filter(|(_, ending)| *ending == Ending::Aborted)?;
    let (from, to) = facts.jumps.only(run.start.at, end.at)?;
    let was_in_time = from - run.began + PRECISION < book.settings.timeout;
    let left = end.at.saturating_sub(to);
    let grace = (to - from).saturating_sub(UNNOTICED).min(GRACE);
    let is_pause = was_in_time && !facts.was_restarted_since(run.began);
    (is_pause && left + PRECISION < grace).then_some(left)
}

/// The status follows from the results that were counted.
fn status_is_possible(
    book: &mut Book,
    seen: &CheckState,
    facts: &Context<'_>,
) -> (BTreeSet<State>, Status) {
    let possible = book.possible(facts);
    if !seen.is_stale() {
        return (possible, seen.status());
    }
    // A stale check shows the worse of its status and its failure.
    let worst = if book.settings.is_critical {
        Status::Fail
    } else {
        Status::Warn
    };
    let shown = possible.iter().map(|state| state.shown);
    let shown = shown.filter(|shown| (*shown).max(worst) == seen.status());
    let shown = shown.min().unwrap_or(seen.status());
    (possible, shown)
}

fn book_summary(id: CheckId, book: &Book, now: Time) -> String {
    let age = |moment: Moment| now - moment.at;
    let mut text = format!("  {id:?} is {:?}, {:?}\n", book.mood, book.settings);
    if let Some(run) = book.last {
        let end = run.end.map(|(end, ending)| (age(end), ending));
        text += &format!(
            "  its last run began {:?} ago and ended {end:?} ago\n",
            age(run.start)
        );
    }
    if let Some(run) = book.current {
        text += &format!(
            "  its present run began {:?} ago: {:?}\n",
            age(run.start),
            run.end
        );
    }
    text += &format!(
        "  it was added {:?} ago; {} runs have ended",
        age(book.added),
        book.ended
    );
    text
}

/// Returns whether a check that was removed is gone, as it must be by now.
pub(super) fn removed_check_is_gone(book: &Book, facts: &Context<'_>) -> Result<bool, String> {
    let Some(removed) = book.removed else {
        return Ok(false);
    };
    if facts.was_restarted_since(removed.at) && facts.is_restarting {
        return Ok(false);
    }
    let is_gone = book.current.is_none() && book.detached.is_empty();
    let must_be = facts.at_least(removed.at, facts.now) > RESTART + SLACK;
    if must_be && !is_gone && !facts.was_restarted_since(removed.at) {
        return Err(format!("{}: was removed, but still runs", book.name));
    }
    Ok(is_gone && must_be)
}
