//! When to write next: at the interval, and later and later while the database fails.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The longest pause after a failure, unless the interval is longer. It is short beside what memory
/// covers.
const LONGEST: Duration = Duration::from_secs(60);
/// The interval during a drain.
const HURRIED: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// In a row.
    failures: u32,
}

impl Pace {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            failures: 0,
        }
    }

    /// Returns the pause before the first write: instances that start together do not write
    /// together.
    pub(super) fn first(&self) -> Duration {
        self.interval.mul_f64(random())
    }

    pub(super) fn after_success(&mut self) -> Duration {
        self.failures = 0;
        self.interval.mul_f64(0.9 + 0.1 * random())
    }

    /// Returns a random pause from half to all of one that doubles with each failure: a database that
    /// comes back does not meet all instances at once.
    pub(super) fn after_failure(&mut self) -> Duration {
        let doubled = self.interval.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let longest = LONGEST.max(self.interval);
        doubled.min(longest).mul_f64(0.5 + 0.5 * random())
    }

    /// Writes often from now on.
    pub(super) fn hurry(&mut self) {
        self.interval = self.interval.min(HURRIED);
    }
}

/// Returns a number from 0 to 1. No need for a good one, nor for a dependency.
fn random() -> f64 {
    let number = RandomState::new().hash_one(0) >> 32;
    number as f64 / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn pauses_grow_with_failures_and_are_bounded_and_spread() {
        let mut pace = Pace::new(secs(15));
        assert!(pace.first() <= secs(15));
        for most in [15, 30, 60, 60, 60] {
            let pause = pace.after_failure();
            assert!((secs(most) / 2..=secs(most)).contains(&pause), "{pause:?}");
        }
        let pause = pace.after_success();
        assert!((secs(13)..=secs(15)).contains(&pause), "{pause:?}");
        assert!(pace.after_failure() <= secs(15));
        let pauses = [(); 8].map(|()| Pace::new(secs(15)).after_failure());
        assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
    }

    #[test]
    fn a_failure_for_hours_overflows_nothing() {
        let mut pace = Pace::new(secs(60 * 45));
        let pauses = (0..1_000).map(|_| pace.after_failure());
        assert!(pauses.max() <= Some(secs(60 * 45)));
    }
}
