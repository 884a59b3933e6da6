//! Counters of the runs of a check.

use std::time::Duration;

use super::{RunDurations, RunOutcome};
use crate::model::Status;

/// Counts the runs of a check, and the changes of its status, since the check was registered.
///
/// The counters only grow, and so suit metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunStats {
    runs: [u64; RunOutcome::EACH.len()],
    transitions: [u64; 3],
    consecutive_failures: u64,
    durations: RunDurations,
}

impl RunStats {
    pub(crate) fn add(&mut self, outcome: RunOutcome, duration: Duration) {
        self.runs[outcome as usize] += 1;
        self.durations.add(duration);
        match outcome {
            RunOutcome::Pass | RunOutcome::Warn => self.consecutive_failures = 0,
            RunOutcome::Fail | RunOutcome::Timeout | RunOutcome::Panic => {
                self.consecutive_failures += 1;
            }
            RunOutcome::Starved => {}
        }
    }

    /// Counts the failure of a run that could not begin: none that ended, and no duration.
    pub(crate) fn add_failure_without_run(&mut self) {
        self.consecutive_failures += 1;
    }

    pub(crate) fn add_transition(&mut self, to: Status) {
        self.transitions[to as usize] += 1;
    }

    /// Returns how many runs ended like this.
    pub fn runs(&self, outcome: RunOutcome) -> u64 {
        self.runs[outcome as usize]
    }

    /// Returns how often the status changed to this one; the first result counts as a change.
    pub fn transitions(&self, to: Status) -> u64 {
        self.transitions[to as usize]
    }

    /// Returns how many runs in a row have failed, up to the last one.
    ///
    /// A [starved](RunOutcome::Starved) run neither counts nor ends the row. One that could not begin,
    /// because too many [detached](crate::OnTimeout::Detach) runs still went on, counts here and
    /// nowhere else.
    pub fn consecutive_failures(&self) -> u64 {
        self.consecutive_failures
    }

    /// Returns the durations of all runs, without the lateness of the refresher.
    pub fn durations(&self) -> &RunDurations {
        &self.durations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_starved_run_neither_counts_as_a_failure_nor_ends_a_row_of_them() {
        use RunOutcome::*;
        let mut stats = RunStats::default();
        for (outcome, failures) in [
            (Fail, 1),
            (Starved, 1),
            (Timeout, 2),
            (Panic, 3),
            (Warn, 0),
            (Starved, 0),
            (Fail, 1),
            (Pass, 0),
        ] {
            stats.add(outcome, Duration::ZERO);
            assert_eq!(stats.consecutive_failures(), failures, "{outcome}");
        }
        let runs = RunOutcome::EACH.map(|outcome| stats.runs(outcome));
        assert_eq!(runs, [1, 1, 2, 1, 1, 2]);
        assert_eq!(stats.durations().count(), 8);
    }
}
