//! The latest runs of each check.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::{Limits, RunBucket, RunSample, Subject};

const MINUTE: Duration = Duration::from_secs(60);

/// Two rings for each check: its latest runs, and sums for each of the latest minutes.
#[derive(Debug)]
pub(super) struct Runs {
    checks: Mutex<HashMap<Subject, RunHistory>>,
    most_samples: usize,
    most_minutes: usize,
}

/// Holds the latest runs of a check.
///
/// [`Health::runs`](crate::Health::runs) returns it.
#[derive(Clone, Debug, Default)]
pub struct RunHistory {
    registration: u64,
    samples: VecDeque<RunSample>,
    /// In the order in which they began. A clock that is set back makes a minute reappear, which then
    /// goes on in its bucket, or begins a bucket that is younger than its time.
    minutes: VecDeque<RunBucket>,
}

impl RunHistory {
    /// Returns whose runs they are: the
    /// [`CheckState::registration`](crate::CheckState::registration) of the check. One that is removed
    /// and added again begins another history.
    pub fn registration(&self) -> u64 {
        self.registration
    }

    /// Returns the latest runs, oldest first.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = &RunSample> {
        self.samples.iter()
    }

    /// Returns sums for each of the latest minutes with runs, oldest first.
    ///
    /// The last one may still grow. If the clock was set back, times are out of order.
    pub fn minutes(&self) -> impl ExactSizeIterator<Item = &RunBucket> {
        self.minutes.iter()
    }

    fn add(&mut self, run: RunSample, most_samples: usize, most_minutes: usize) {
        push(&mut self.samples, run, most_samples);
        let start = RunBucket::start_of(MINUTE, run.time());
        let known = self.minutes.iter_mut().rev();
        if let Some(minute) = known.into_iter().find(|minute| minute.start() == start) {
            minute.add(&run);
            return;
        }
        let mut minute = RunBucket::new(start);
        minute.add(&run);
        push(&mut self.minutes, minute, most_minutes);
    }
}

fn push<T>(ring: &mut VecDeque<T>, value: T, most: usize) {
    while ring.len() >= most {
        ring.pop_front();
    }
    ring.push_back(value);
}

impl Runs {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            checks: Mutex::default(),
            most_samples: limits.samples_per_check,
            most_minutes: limits.minutes_per_check,
        }
    }

    pub(super) fn add(&self, subject: &Subject, registration: u64, run: RunSample) {
        let mut checks = self.lock();
        let history = match checks.get_mut(subject) {
            Some(history) => history,
            None => checks.entry(subject.clone()).or_default(),
        };
        if history.registration != registration {
            *history = RunHistory {
                registration,
                ..RunHistory::default()
            };
        }
        history.add(run, self.most_samples, self.most_minutes);
    }

    pub(super) fn forget(&self, subject: &Subject) {
        self.lock().remove(subject);
    }

    /// Returns every check that has run, in no particular order.
    pub(super) fn subjects(&self) -> Vec<Subject> {
        self.lock().keys().cloned().collect()
    }

    pub(super) fn of(&self, subject: &Subject) -> Option<RunHistory> {
        self.lock().get(subject).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Subject, RunHistory>> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;
    use crate::model::RunOutcome;

    fn run(second: u64) -> RunSample {
        let time = UNIX_EPOCH + Duration::from_secs(second);
        RunSample::new(time, Duration::from_millis(second), RunOutcome::Pass)
    }

    fn at(minute: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(60 * minute)
    }

    fn of(seconds: impl IntoIterator<Item = u64>) -> RunHistory {
        let mut history = RunHistory::default();
        seconds
            .into_iter()
            .for_each(|second| history.add(run(second), 4, 3));
        history
    }

    fn minutes(history: &RunHistory) -> Vec<(SystemTime, u32)> {
        let minutes = history.minutes();
        minutes
            .map(|minute| (minute.start(), minute.runs(RunOutcome::Pass)))
            .collect()
    }

    #[test]
    fn the_latest_samples_and_minutes_are_kept() {
        let history = of((0..600).step_by(20));
        assert_eq!(minutes(&history), [(at(7), 3), (at(8), 3), (at(9), 3)]);
        let seconds: Vec<_> = history.samples().map(|run| run.duration()).collect();
        assert_eq!(seconds, [520, 540, 560, 580].map(Duration::from_millis));
    }

    #[test]
    fn a_clock_that_is_set_back_loses_no_run() {
        // Within the ring, and to before it.
        let history = of([120, 180, 130]);
        assert_eq!(minutes(&history), [(at(2), 2), (at(3), 1)]);
        let history = of([600, 660, 720, 0, 30]);
        assert_eq!(minutes(&history), [(at(11), 1), (at(12), 1), (at(0), 2)]);
    }

    // What the limits guide says.
    #[test]
    fn a_minute_takes_about_a_hundred_bytes() {
        assert_eq!(size_of::<RunBucket>(), 120);
    }
}
