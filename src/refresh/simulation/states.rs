//! What a check may be like after runs that the refresher may have counted in several ways.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::context::Context;
use super::host::Time;
use super::model::{Ending, Run, SLACK, Settings};
use super::semantics::{EXCUSES, GRACE, LONG_PAUSE, STARVED};
use crate::Status;

/// What the refresher makes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    Up(Status),
    Down,
    /// Not counted, since the refresher was late: when, and how much was lost.
    Excused(Time, Duration),
}

/// Returns what a run may count as.
pub(super) fn results(
    run: &Run,
    settings: &Settings,
    state: &State,
    facts: &Context<'_>,
) -> Vec<Counted> {
    use Counted::*;
    let Some((end, ending)) = run.end else {
        return vec![];
    };
    // What is lost until the refresher takes the result counts, too.
    let taken_by = facts.jumps.chain_end(end.at);
    let lost = facts.late_at_most(run.before.min(run.began), taken_by);
    let noticed = facts.noticed(run.start.at, end.at);
    let is_first = state.excused.is_none();
    let may_be_excused = match &state.excused {
        None => lost >= STARVED,
        Some(excused) => {
            let half = settings.timeout / 2;
            let is_plausible = end.at - run.began + SLACK >= half;
            (lost >= STARVED && is_plausible)
                || (excused.lost >= LONG_PAUSE
                    && excused.times < EXCUSES
                    && end.at.saturating_sub(excused.at) <= half + SLACK)
        }
    };
    // A scheduler that restarts takes the result later.
    let excused_at = match facts.restarted {
        _ if facts.is_restarting => facts.now,
        restarted => taken_by.max(restarted.unwrap_or_default()),
    };
    let down = |must_be_excused: bool| match (may_be_excused, must_be_excused) {
        (true, true) => vec![Excused(excused_at, lost)],
        (true, false) => vec![Down, Excused(excused_at, lost)],
        (false, _) => vec![Down],
    };
    // A timed-out run is excused only if it could not be given back all that it lost.
    let may_lack_time = facts.late_at_most(run.began, end.at) > facts.bound;
    let timed_out = || {
        if may_lack_time {
            down(is_first && noticed > facts.bound + SLACK && noticed >= STARVED)
        } else {
            vec![Down]
        }
    };
    let passed = match ending {
        Ending::Passed => Status::Pass,
        Ending::Warned => Status::Warn,
        Ending::Aborted => return timed_out(),
        Ending::Failed | Ending::Panicked => {
            let in_time = facts.at_most(run, end.at) + SLACK < settings.timeout;
            return down(is_first && in_time && noticed >= STARVED);
        }
    };
    let excess = facts.late_at_most(run.began, end.at) + GRACE + TOO_LATE;
    let is_too_late = end.at - run.start.at > settings.timeout + excess;
    if facts.at_most(run, end.at) + SLACK < settings.timeout {
        vec![Up(passed)]
    } else if is_too_late && !facts.was_restarted_since(run.began) {
        timed_out()
    } else {
        let mut results = timed_out();
        results.push(Up(passed));
        results
    }
}

/// A run that passes that much after its timeout has timed out, if the process ran.
const TOO_LATE: Duration = Duration::from_millis(20);

/// The latest failures in a row that were not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Excuses {
    times: u32,
    /// When the first one was.
    at: Time,
    /// How much was lost during that one, at most.
    lost: Duration,
}

/// Merges states that differ only in what was excused, so that there are few.
pub(super) fn merged(states: impl IntoIterator<Item = State>) -> BTreeSet<State> {
    let mut merged: BTreeMap<State, Option<Excuses>> = BTreeMap::new();
    for mut state in states {
        let Some(excused) = state.excused else {
            merged.insert(state, None);
            continue;
        };
        // What excuses most stands for all.
        state.excused = Some(Excuses::default());
        let most = merged.entry(state).or_default().get_or_insert(excused);
        most.times = most.times.min(excused.times);
        most.at = most.at.max(excused.at);
        most.lost = most.lost.max(excused.lost);
    }
    let unmerged = merged.into_iter();
    unmerged
        .map(|(state, excused)| State { excused, ..state })
        .collect()
}

/// What a check is like after some results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State {
    has_passed: bool,
    pub(super) is_up: bool,
    /// How many results in a row contradict `is_up`.
    pub(super) against: u32,
    /// `Some` while the latest failures were not counted.
    pub(super) excused: Option<Excuses>,
    /// The status that the check shows unless it is stale.
    pub(super) shown: Status,
    pub(super) has_result: bool,
}

impl State {
    pub(super) fn new(shown: Status) -> Self {
        Self {
            has_passed: false,
            is_up: false,
            against: 0,
            excused: None,
            shown,
            has_result: false,
        }
    }

    pub(super) fn after(mut self, result: Counted, settings: &Settings) -> Self {
        let passed = match result {
            Counted::Excused(at, lost) => {
                let first = Excuses { times: 0, at, lost };
                let excused = self.excused.get_or_insert(first);
                excused.times = (excused.times + 1).min(EXCUSES);
                return self;
            }
            Counted::Up(_) => true,
            Counted::Down => false,
        };
        self.excused = None;
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
