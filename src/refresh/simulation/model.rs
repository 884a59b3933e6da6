//! The naive model: what truly happened to each check, and what its status may be because of that.
//!
//! It is written to be obvious. It knows no timers, deadlines or snapshots: only when runs began and
//! ended, and how often the clock jumped meanwhile.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::checks::Mood;
use super::host::{CheckId, Facts, Jumps, Moment, Time};
use super::semantics::{BOUND, GRACE, LATENESS_IS_MEASURED};
use crate::{Probe, Status};

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) probe: Probe,
    pub(super) is_critical: bool,
    pub(super) ttl: Duration,
    pub(super) failing_ttl: Duration,
    pub(super) timeout: Duration,
    pub(super) stale_after: Option<Duration>,
    pub(super) failure_threshold: u32,
    pub(super) success_threshold: u32,
    pub(super) while_probed: Option<Duration>,
    pub(super) jitter: f64,
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

    pub(super) fn longest_stale_after(&self) -> Duration {
        self.stale_after(self.ttl.max(self.failing_ttl))
    }

    /// Returns the least time between the start of a run and the expiry of the result before it.
    pub(super) fn least_margin(&self) -> Duration {
        let margin = |interval: Duration| {
            self.stale_after(interval)
                .saturating_sub(interval.mul_f64(1.0 + self.jitter))
        };
        margin(self.ttl).min(margin(self.failing_ttl))
    }

    fn failure_status(&self) -> Status {
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
    pub(super) start: Moment,
    /// The earliest time at which the refresher may have started it: its task may have waited for
    /// others that blocked the thread.
    pub(super) began: Time,
    /// `None` while it goes on.
    pub(super) end: Option<(Moment, Ending)>,
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
    /// Runs whose results may not have been counted yet.
    pub(super) unsettled: VecDeque<Run>,
    /// The latest run that ended.
    pub(super) last: Option<Run>,
    /// The latest run that ended so long ago that a snapshot has its result.
    pub(super) published: Option<Run>,
    /// How many runs have ended.
    pub(super) ended: u64,
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
            unsettled: VecDeque::new(),
            last: None,
            published: None,
            ended: 0,
        }
    }

    pub(super) fn run_started(&mut self, start: Moment, began: Time) -> Result<(), String> {
        if let Some(other) = self.current {
            return Err(format!(
                "two runs of {} at once: {:?} since {:?}",
                self.name, other, start
            ));
        }
        self.current = Some(Run {
            start,
            began,
            end: None,
        });
        Ok(())
    }

    pub(super) fn run_ended(&mut self, end: Moment, ending: Ending) {
        if let Some(run) = &mut self.current {
            run.end = Some((end, ending));
        }
    }

    pub(super) fn run_gone(&mut self) {
        if let Some(run) = self.current.take() {
            self.ended += 1;
            self.last = Some(run);
            self.unsettled.push_back(run);
        }
    }

    /// Notes that the result of the latest run is published, if it must be.
    pub(super) fn publish(&mut self, facts: &Context<'_>) {
        if let Some((end, _)) = self.last.and_then(|run| run.end) {
            if facts.at_least(end.at, facts.now) > COALESCED {
                self.published = self.last;
            }
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

    /// Forgets the states that cannot have led to what is seen, if no other results can have.
    pub(super) fn saw(&mut self, shown: Status, possible: &BTreeSet<State>) {
        if *possible == self.states {
            self.states.retain(|state| state.shown == shown);
        }
    }

    fn after(&self, states: &BTreeSet<State>, run: &Run, facts: &Context<'_>) -> BTreeSet<State> {
        let mut after = BTreeSet::new();
        for state in states {
            for result in results(run, &self.settings, state, facts) {
                after.insert(state.after(result, &self.settings));
            }
        }
        after
    }

    /// Returns how long a run has worked if it was aborted before it had its timeout.
    pub(super) fn too_early(&self, run: &Run, facts: &Context<'_>) -> Option<Duration> {
        let (end, ending) = run.end?;
        let worked = facts.at_most(run.began, end.at);
        let is_early = worked + SLACK < self.settings.timeout;
        (ending == Ending::Aborted && is_early).then_some(worked)
    }
}

/// Tokio's timers are precise to 1 ms.
const SLACK: Duration = Duration::from_millis(2);

/// Results that change no status are published within 10 ms.
const COALESCED: Duration = Duration::from_millis(12);

/// What the model needs to know of the host.
pub(super) struct Context<'a> {
    pub(super) now: Time,
    pub(super) jumps: &'a Jumps,
    pub(super) is_settled: &'a dyn Fn(Moment) -> bool,
    pub(super) is_restarting: bool,
    /// When the scheduler was back after it was last restarted.
    pub(super) restarted: Option<Time>,
}

impl Context<'_> {
    fn is_settled(&self, moment: Moment) -> bool {
        (self.is_settled)(moment)
    }

    pub(super) fn was_restarted_since(&self, time: Time) -> bool {
        self.is_restarting || self.restarted.is_some_and(|at| at >= time)
    }

    /// Returns the time that was lost and that the refresher must have noticed.
    fn noticed(&self, from: Time, to: Time) -> Duration {
        if !*LATENESS_IS_MEASURED || self.was_restarted_since(from) {
            return Duration::ZERO;
        }
        self.jumps.between(from, to).noticeable
    }

    /// Returns the time that the process had, at most, in the eyes of the refresher, which makes up
    /// for lost time up to a bound.
    pub(super) fn at_most(&self, from: Time, to: Time) -> Duration {
        (to - from).saturating_sub(self.noticed(from, to).min(BOUND))
    }

    /// Returns the time that the process had at least.
    pub(super) fn at_least(&self, from: Time, to: Time) -> Duration {
        (to - from).saturating_sub(self.jumps.between(from, to).total)
    }

    /// Returns by how much a deadline or an expiry can have moved.
    pub(super) fn moved_at_most(&self, from: Time, to: Time) -> Duration {
        let lost = self.jumps.between(from, to);
        lost.total + GRACE * lost.count
    }
}

/// What the refresher makes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    Up(Status),
    Down,
    /// Not counted, since the refresher was late.
    Excused,
}

/// Returns what a run may count as.
fn results(run: &Run, settings: &Settings, state: &State, facts: &Context<'_>) -> Vec<Counted> {
    use Counted::*;
    let Some((end, ending)) = run.end else {
        return vec![];
    };
    let passed = match ending {
        Ending::Passed => Some(Status::Pass),
        Ending::Warned => Some(Status::Warn),
        _ => None,
    };
    let lost = facts.jumps.between(run.began, end.at);
    let excusable = *LATENESS_IS_MEASURED && !state.excused;
    let bound_reached = facts.moved_at_most(run.began, end.at) >= BOUND;
    match (passed, ending) {
        (Some(status), _) => {
            let in_time = facts.at_most(run.began, end.at) + SLACK < settings.timeout;
            if in_time {
                vec![Up(status)]
            } else if excusable && bound_reached {
                vec![Up(status), Down, Excused]
            } else {
                vec![Up(status), Down]
            }
        }
        (None, Ending::Aborted) if excusable && bound_reached => vec![Down, Excused],
        (None, Ending::Aborted) => vec![Down],
        _ => {
            // Starved: late by a tenth of its timeout, and by 100 ms.
            let enough = (settings.timeout / 10).max(Duration::from_millis(100));
            match excusable {
                true if facts.noticed(run.began, end.at) >= enough => vec![Excused],
                true if lost.total >= enough => vec![Down, Excused],
                _ => vec![Down],
            }
        }
    }
}

/// What a check is like after some results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State {
    has_passed: bool,
    is_up: bool,
    /// How many results in a row contradict `is_up`.
    against: u32,
    /// Whether the latest failure was not counted.
    excused: bool,
    /// The status that the check shows unless it is stale.
    pub(super) shown: Status,
    pub(super) has_result: bool,
}

impl State {
    fn new(shown: Status) -> Self {
        Self {
            has_passed: false,
            is_up: false,
            against: 0,
            excused: false,
            shown,
            has_result: false,
        }
    }

    fn after(mut self, result: Counted, settings: &Settings) -> Self {
        let passed = match result {
            Counted::Excused => {
                self.excused = true;
                return self;
            }
            Counted::Up(_) => true,
            Counted::Down => false,
        };
        self.excused = false;
        self.has_result = true;
        self.against = if passed == self.is_up {
            0
        } else {
            self.against + 1
        };
        let needed = match (self.is_up, self.has_passed) {
            (true, _) => settings.failure_threshold,
            (false, true) => settings.success_threshold,
            // The first pass counts at once.
            (false, false) => 1,
        };
        if self.against >= needed {
            self.is_up = passed;
            self.has_passed |= passed;
            self.against = 0;
        }
        match result {
            Counted::Up(status) if self.is_up => self.shown = status,
            Counted::Down if !self.is_up => self.shown = settings.failure_status(),
            _ => {}
        }
        self
    }
}

impl Facts {
    /// Calls a function with every book, and with what the model needs to know of the host.
    pub(super) fn with_books<T>(
        &mut self,
        now: Time,
        is_restarting: bool,
        restarted: Option<Time>,
        call: impl FnOnce(&mut BTreeMap<CheckId, Book>, &Context<'_>) -> T,
    ) -> T {
        let mut books = std::mem::take(&mut self.books);
        let is_settled = |moment| !is_restarting && self.is_settled(moment, now);
        let context = Context {
            now,
            jumps: &self.jumps,
            is_settled: &is_settled,
            is_restarting,
            restarted,
        };
        let result = call(&mut books, &context);
        self.books = books;
        result
    }
}
