//! The naive model: what truly happened to each check, and what its status may be because of that.
//!
//! It is written to be obvious. It knows no timers, deadlines or snapshots: only when runs began and
//! ended, and how often the clock jumped meanwhile.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::checks::Mood;
use super::context::Context;
use super::host::{Jumps, Moment, Time};
use super::states::{Counted, State, merged, results};
use crate::{Probe, Status};

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) probe: Probe,
    pub(super) is_critical: bool,
    pub(super) ttl: Duration,
    pub(super) failing_ttl: Duration,
    pub(super) suspect_ttl: Duration,
    pub(super) timeout: Duration,
    pub(super) stale_after: Option<Duration>,
    pub(super) failure_threshold: u32,
    pub(super) success_threshold: u32,
    pub(super) while_probed: Option<Duration>,
    pub(super) jitter: f64,
    /// `Some` if runs are detached at their timeout, at most so many.
    pub(super) detached: Option<usize>,
}

impl Settings {
    /// Returns the longest time between two runs.
    pub(super) fn longest_interval(&self) -> Duration {
        self.ttl.max(self.failing_ttl).mul_f64(1.0 + self.jitter)
    }

    /// Returns how long a result stays valid, for the interval that follows it.
    fn stale_after(&self, interval: Duration) -> Duration {
        self.stale_after.unwrap_or_else(|| {
            let slow = interval.mul_f64(1.5) + self.timeout + Duration::from_secs(1);
            (3 * interval).max(slow)
        })
    }

    /// Returns the longest time to the next run of a check that is up although its last run failed.
    fn longest_doubt(&self) -> Duration {
        self.suspect_ttl.min(self.ttl).mul_f64(1.0 + self.jitter)
    }

    pub(super) fn longest_stale_after(&self) -> Duration {
        self.stale_after(self.ttl.max(self.failing_ttl))
    }

    /// Returns how long a result stays valid at least, not counting slow runs.
    pub(super) fn least_stale_after(&self) -> Duration {
        self.stale_after(self.ttl.min(self.failing_ttl))
    }

    pub(super) fn failure_status(&self) -> Status {
        if self.is_critical {
            Status::Fail
        } else {
            Status::Warn
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Passed,
    Warned,
    Failed,
    Panicked,
    /// The refresher dropped it before it was done.
    Aborted,
}

impl Ending {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "a run passed:",
            Self::Warned => "a run warned:",
            Self::Failed => "a run failed:",
            Self::Panicked => "a run panicked:",
            Self::Aborted => "a run was aborted:",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) number: u64,
    pub(super) start: Moment,
    /// The earliest time at which the refresher may have started it: its task may have waited for
    /// others that blocked the thread.
    pub(super) began: Time,
    /// When the run before it ended.
    pub(super) before: Time,
    /// `None` while it goes on.
    pub(super) end: Option<(Moment, Ending)>,
    /// The least that the slowest run may count, with this one.
    pub(super) slowest: Duration,
}

/// What truly happened to one check.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) name: String,
    pub(super) settings: Settings,
    pub(super) mood: Mood,
    pub(super) added: Moment,
    pub(super) removed: Option<Moment>,
    /// The run that goes on, or that is being dropped.
    pub(super) current: Option<Run>,
    /// The runs that go on although another one has started.
    pub(super) detached: Vec<u64>,
    /// Runs whose results may not have been counted yet.
    pub(super) unsettled: VecDeque<Run>,
    /// The latest run that ended.
    pub(super) last: Option<Run>,
    /// The latest run that has counted for sure and ended so long ago that a snapshot has its result.
    pub(super) published: Option<Run>,
    /// When the first run began after that one.
    pub(super) next_began: Option<Time>,
    /// Whether an abort took long since then: the refresher does not watch the clock meanwhile.
    pub(super) had_slow_abort: bool,
    /// How many runs have started, and ended.
    started: u64,
    pub(super) ended: u64,
    /// How much the slowest run may count: at least and at most, and at most before the last run.
    slowest: (Duration, Duration),
    slowest_before: Duration,
    /// When there were last so many detached runs that no other could start.
    pub(super) full_at: Option<Time>,
    /// Whether results may have been counted of runs that did not start.
    may_have_unseen: bool,
    /// What the check may be like after all results that were counted for sure.
    states: BTreeSet<State>,
}

impl Book {
    pub(super) fn new(name: String, settings: Settings, mood: Mood, added: Moment) -> Self {
        let shown = match settings.probe {
            Probe::Startup => Status::Fail,
            _ => settings.failure_status(),
        };
        Self {
            states: BTreeSet::from([State::new(shown)]),
            name,
            settings,
            mood,
            added,
            removed: None,
            current: None,
            detached: Vec::new(),
            unsettled: VecDeque::new(),
            last: None,
            published: None,
            next_began: None,
            had_slow_abort: false,
            started: 0,
            ended: 0,
            slowest: (Duration::ZERO, Duration::ZERO),
            slowest_before: Duration::ZERO,
            full_at: None,
            may_have_unseen: false,
        }
    }

    pub(super) fn run_started(
        &mut self,
        start: Moment,
        began: Time,
        jumps: &Jumps,
    ) -> Result<u64, String> {
        if let Some(mut other) = self.current {
            let has_timed_out = start.at + SLACK >= other.began + self.settings.timeout;
            if self.settings.detached.is_none() || other.end.is_some() || !has_timed_out {
                return Err(format!(
                    "two runs of {} at once: {:?} since {:?}",
                    self.name, other, start
                ));
            }
            other.end = Some((start, Ending::Aborted));
            self.current = Some(other);
            self.detached.push(other.number);
            self.run_gone(other.number, start.at, jumps);
        }
        let most = self.settings.detached.unwrap_or_default();
        if self.removed.is_none() && self.detached.len() > most {
            return Err(format!(
                "{} runs of {} are detached",
                self.detached.len(),
                self.name
            ));
        }
        self.started += 1;
        let before = self.last.and_then(|run| run.end).map(|(end, _)| end.at);
        self.current = Some(Run {
            number: self.started,
            start,
            began,
            before: before.unwrap_or(self.added.at),
            end: None,
            slowest: Duration::ZERO,
        });
        if self.published.is_some() {
            self.next_began.get_or_insert(start.at);
        }
        Ok(self.started)
    }

    pub(super) fn run_ended(&mut self, number: u64, end: Moment, ending: Ending) {
        if let Some(run) = self.current.as_mut().filter(|run| run.number == number) {
            run.end = Some((end, ending));
        }
    }

    pub(super) fn run_gone(&mut self, number: u64, now: Time, jumps: &Jumps) {
        if self.may_be_full() {
            self.full_at = Some(now);
        }
        let Some(mut run) = self.current.take_if(|run| run.number == number) else {
            self.detached.retain(|other| *other != number);
            return;
        };
        self.ended += 1;
        self.count_slowest(&run, jumps);
        run.slowest = self.slowest.0;
        self.last = Some(run);
        self.unsettled.push_back(run);
    }

    /// Notes how long a run took that passed.
    fn count_slowest(&mut self, run: &Run, jumps: &Jumps) {
        let Some((end, Ending::Passed | Ending::Warned)) = run.end else {
            return;
        };
        let (least, most) = self.slowest;
        let timeout = self.settings.timeout;
        let lost = jumps.between(run.before, end.at);
        let took = (end.at - run.start.at).saturating_sub(lost.total + SLACK * (1 + lost.count));
        let remembered = |slowest: Duration| slowest - slowest / 16;
        let mut least_now = took.max(remembered(least)).min(timeout);
        let mut most_now = (end.at - run.began + SLACK).max(remembered(most));
        if end.at - run.began + SLACK >= timeout {
            // It may have failed.
            least_now = least_now.min(least);
            most_now = most_now.max(most);
        }
        self.slowest_before = most;
        self.slowest = (least_now, most_now.min(timeout));
    }

    /// Returns whether there may be so many detached runs that no other can start.
    pub(super) fn may_be_full(&self) -> bool {
        let going_on = self.detached.len() + usize::from(self.current.is_some());
        self.settings.detached.is_some_and(|most| going_on >= most)
    }

    /// Returns whether the check may have failed without that a run has ended: a run is being
    /// detached, or there are too many of these.
    pub(super) fn may_have_unknown_result(&self, now: Time) -> bool {
        let Some(most) = self.settings.detached else {
            return false;
        };
        let may_have_timed_out = |run: Run| run.began + self.settings.timeout <= now + SLACK;
        self.detached.len() >= most || self.current.is_some_and(may_have_timed_out)
    }

    /// Returns how much the slowest run counts at most.
    pub(super) fn slowest_at_most(&self) -> Duration {
        match self.settings.stale_after {
            Some(_) => self.slowest.1.max(self.slowest_before),
            None => Duration::ZERO,
        }
    }

    /// Notes that the result of the latest run is published, if it must be.
    pub(super) fn publish(&mut self, facts: &Context<'_>) {
        let Some(run) = self.last else { return };
        let Some((end, ending)) = run.end else { return };
        if self
            .published
            .is_some_and(|other| other.number == run.number)
            || facts.at_least(end.at, facts.now) <= COALESCED
        {
            return;
        }
        // What exceeds its timeout is recorded before it ends, even if it is detached and goes on.
        let is_in_time = facts.at_most(&run, end.at) + SLACK < self.settings.timeout;
        let counts = is_in_time
            && match ending {
                Ending::Passed | Ending::Warned => true,
                Ending::Aborted => false,
                Ending::Failed | Ending::Panicked => {
                    let long_ago = 2 * (self.settings.timeout + self.settings.longest_interval());
                    let from = end.at.saturating_sub(long_ago);
                    !facts.jumps.any(from, end.at)
                }
            };
        if counts {
            self.published = self.last;
            self.had_slow_abort = false;
            self.next_began = self.current.map(|run| run.start.at);
        }
    }

    /// Returns the states that the check may be in: after all results that must have been counted,
    /// and any of those that may have been.
    pub(super) fn possible(&mut self, facts: &Context<'_>) -> BTreeSet<State> {
        while let Some(run) = self.unsettled.front().copied() {
            let Some((end, _)) = run.end else { break };
            if !facts.is_settled(end) {
                break;
            }
            self.unsettled.pop_front();
            self.states = self.after(&self.states, &run, facts);
        }
        self.may_have_unseen |= self.may_be_full();
        // A run that is not polled for longer than the bound can time out unseen.
        let last = self.last.and_then(|run| run.end).map(|(end, _)| end.at);
        let began = self.current.map_or(facts.now, |run| run.start.at);
        let lost = facts.late_at_most(last.unwrap_or(self.added.at), began);
        self.may_have_unseen |= lost > facts.bound;
        if self.may_have_unseen {
            self.states = self.after_unseen(&self.states, Counted::Excused(facts.now, lost));
        }
        let mut all = self.states.clone();
        let mut latest = self.states.clone();
        for run in &self.unsettled {
            latest = self.after(&latest, run, facts);
            all.extend(latest.iter().copied());
        }
        // A timeout is recorded before the run is dropped.
        if let Some(mut run) = self.current {
            if run.end.is_none() {
                let now = Moment {
                    at: facts.now,
                    round: 0,
                };
                run.end = Some((now, Ending::Aborted));
                if self.too_early(&run, facts).is_some() {
                    return all;
                }
            }
            all.extend(self.after(&latest, &run, facts));
        }
        all
    }

    /// Returns the longest time from the end of the last run to the start of the next.
    pub(super) fn longest_pause(&self) -> Duration {
        let is_suspect =
            |state: &State| state.is_up && state.against > 0 && state.excused.is_none();
        let is_known = self.unsettled.is_empty() && !self.may_have_unseen;
        if is_known && self.states.iter().all(is_suspect) {
            self.settings.longest_doubt()
        } else {
            self.settings.longest_interval()
        }
    }

    /// Forgets the states that cannot have led to what is seen, if no other results can have.
    pub(super) fn saw(&mut self, shown: Status, possible: &BTreeSet<State>) {
        if *possible == self.states {
            self.states.retain(|state| state.shown == shown);
            self.may_have_unseen = false;
        }
    }

    /// Returns the states after any number of runs that nobody has seen.
    fn after_unseen(&self, states: &BTreeSet<State>, excused: Counted) -> BTreeSet<State> {
        let mut all = states.clone();
        loop {
            let results = [Counted::Down, excused];
            let after = all
                .iter()
                .flat_map(|state| results.map(|result| state.after(result, &self.settings)));
            let after = merged(after.chain(all.iter().copied()));
            if after.len() == all.len() {
                return all;
            }
            all = after;
        }
    }

    fn after(&self, states: &BTreeSet<State>, run: &Run, facts: &Context<'_>) -> BTreeSet<State> {
        let mut after = BTreeSet::new();
        for state in states {
            for result in results(run, &self.settings, state, facts) {
                after.insert(state.after(result, &self.settings));
            }
        }
        merged(after)
    }

    /// Returns how long a run has worked if it was aborted before it had its timeout.
    pub(super) fn too_early(&self, run: &Run, facts: &Context<'_>) -> Option<Duration> {
        let (end, ending) = run.end?;
        let worked = facts.at_most(run, end.at);
        let is_early = worked + SLACK < self.settings.timeout;
        (ending == Ending::Aborted && is_early).then_some(worked)
    }
}

/// Tokio's timers are precise to 1 ms.
pub(super) const SLACK: Duration = Duration::from_millis(2);

/// Results that change no status are published within 10 ms.
const COALESCED: Duration = Duration::from_millis(12);
