//! What must be true whenever somebody looks.

use std::collections::BTreeSet;
use std::time::Duration;

use super::host::{CheckId, Moment, Time};
use super::model::{Book, Context, Ending, State};
use super::semantics::{
    BOUND, EXTENSION, LATENESS_IS_MEASURED, RESTART, RESULTS_AGE_FROM_THEIR_END,
    RUNS_EXTEND_RESULTS,
};
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
    pub(super) is_refusing: bool,
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
            self.result_is_not_stale(book, seen, facts).map_err(fault)?;
        }
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
        let is_done = book.settings.probe == Probe::Startup && seen.status() != Status::Fail;
        let Some(end) = book.last.and_then(|run| run.end) else {
            return Ok(());
        };
        let (end, _) = end;
        let is_taken_late = !*RESULTS_AGE_FROM_THEIR_END && facts.was_restarted_since(end.at);
        if seen.is_stale() || is_done || is_taken_late {
            return Ok(());
        }
        let moved = |from: Time| {
            let moved = facts.moved_at_most(from, facts.now);
            match (*LATENESS_IS_MEASURED, *RESULTS_AGE_FROM_THEIR_END) {
                (true, true) => moved.min(BOUND),
                _ => moved,
            }
        };
        let mut until = end.at + book.settings.longest_stale_after() + moved(end.at);
        if let Some(run) = book.current.filter(|_| *RUNS_EXTEND_RESULTS) {
            until =
                until.max(run.start.at + book.settings.timeout + EXTENSION + moved(run.start.at));
        }
        if facts.now > until + SLACK {
            return Err(format!(
                "its result counts {:?} after it was to be too old",
                facts.now - until
            ));
        }
        Ok(())
    }

    /// No result is stale while the process runs and the check does too.
    fn result_is_not_stale(
        &self,
        book: &Book,
        seen: &CheckState,
        facts: &Context<'_>,
    ) -> Result<(), String> {
        // Results that change no status are published a little later.
        let Some((end, _)) = book.published.and_then(|run| run.end) else {
            return Ok(());
        };
        let rests = book.settings.while_probed.is_some();
        if !seen.is_stale() || rests || facts.was_restarted_since(end.at) {
            return Ok(());
        }
        if !*RUNS_EXTEND_RESULTS && book.settings.stale_after.is_some() {
            return Ok(());
        }
        let lost = facts.moved_at_most(end.at, facts.now);
        let is_excused = if *LATENESS_IS_MEASURED {
            // The refresher did not run for longer than it makes up for.
            let unnoticed = facts.now - self.settled_since;
            let margin = book.settings.least_margin().min(EXTENSION);
            lost + SLACK >= BOUND || unnoticed >= margin
        } else {
            lost > Duration::ZERO
        };
        if is_excused {
            return Ok(());
        }
        Err(format!(
            "is stale although its runs go on: {:?}",
            seen.output().unwrap_or_default()
        ))
    }

    /// A run that hangs is given up.
    fn run_ends_in_time(&self, book: &Book, facts: &Context<'_>) -> Result<(), String> {
        let Some(run) = book.current.filter(|run| run.end.is_none()) else {
            return Ok(());
        };
        if facts.was_restarted_since(run.began) {
            return Ok(());
        }
        let moved = if *LATENESS_IS_MEASURED {
            facts.moved_at_most(run.began, facts.now).min(BOUND)
        } else {
            Duration::ZERO
        };
        let unnoticed = facts.now - self.settled_since;
        let until = run.start.at + book.settings.timeout + moved + unnoticed;
        if facts.now > until + SLACK {
            return Err(format!("a run goes on {:?} too long", facts.now - until));
        }
        Ok(())
    }

    /// The next run starts one interval after the last has ended.
    fn next_run_is_in_time(&self, book: &Book, facts: &Context<'_>) -> Result<(), String> {
        if book.current.is_some() || book.settings.while_probed.is_some() {
            return Ok(());
        }
        let (since, interval) = match book.last.and_then(|run| run.end) {
            Some((end, ending)) => {
                let has_passed = matches!(ending, Ending::Passed | Ending::Warned);
                let is_done = has_passed || !book.settings.is_critical;
                if book.settings.probe == Probe::Startup && is_done {
                    return Ok(());
                }
                (end, book.settings.longest_interval())
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

/// No run is aborted before it had its timeout.
fn run_is_in_its_time(book: &Book, facts: &Context<'_>) -> Result<(), String> {
    for run in book.unsettled.iter().chain(&book.current) {
        if let Some(worked) = book.too_early(run, facts) {
            return Err(format!(
                "a run was aborted after {worked:?} of its timeout of {:?}",
                book.settings.timeout
            ));
        }
    }
    Ok(())
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
    let is_gone = book.current.is_none();
    let must_be = facts.at_least(removed.at, facts.now) > RESTART + SLACK;
    if must_be && !is_gone && !facts.was_restarted_since(removed.at) {
        return Err(format!("{}: was removed, but still runs", book.name));
    }
    Ok(is_gone && must_be)
}
