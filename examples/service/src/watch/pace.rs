//! When to ask next.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::reach::Reach;

/// The longest pause while it fails, unless the interval is longer.
const CAP: Duration = Duration::from_secs(60);

pub(super) struct Pace {
    interval: Duration,
    /// How often in a row it was not ready.
    failures: u32,
}

impl Pace {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            failures: 0,
        }
    }

    pub(super) fn next(&mut self, reach: Reach) -> Duration {
        self.next_with(reach, random())
    }

    /// Between half of a time that doubles and the whole of it, so that many clients that lost one
    /// server do not come back at once.
    fn next_with(&mut self, reach: Reach, random: f64) -> Duration {
        if reach == Reach::Ready {
            self.failures = 0;
            return self.interval;
        }
        let doubled = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        let most = self.interval.saturating_mul(doubled);
        let most = most.min(CAP.max(self.interval));
        most.mul_f64(0.5 + random / 2.0)
    }
}

/// At least 0, and less than 1. The keys of a hash map are as random as this needs.
fn random() -> f64 {
    let bits = RandomState::new().hash_one(0) >> 32;
    u32::try_from(bits).map_or(0.0, f64::from) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(interval: u64, random: f64) -> Vec<f64> {
        let mut pace = Pace::new(Duration::from_secs(interval));
        let mut next = |reach| pace.next_with(reach, random).as_secs_f64();
        let failing = (0..40).map(|_| next(Reach::Unreachable));
        let failing: Vec<_> = failing.collect();
        // A success begins anew.
        let interval = Duration::from_secs(interval).as_secs_f64();
        assert_eq!(next(Reach::Ready).to_bits(), interval.to_bits());
        assert_eq!(next(Reach::NotReady).to_bits(), failing[0].to_bits());
        failing
    }

    #[test]
    fn pauses_double_up_to_the_cap_with_half_of_them_by_chance() {
        assert_eq!(pauses(5, 1.0)[..6], [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]);
        assert_eq!(pauses(5, 0.0)[..6], [2.5, 5.0, 10.0, 20.0, 30.0, 30.0]);
        assert_eq!(pauses(5, 1.0)[39].to_bits(), 60.0_f64.to_bits());
        assert_eq!(pauses(300, 1.0)[..2], [300.0, 300.0]);
    }

    #[test]
    fn chance_stays_within_its_bounds_and_differs() {
        let numbers: Vec<_> = (0..100).map(|_| random()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        assert!(numbers.iter().any(|number| *number < 0.5));
        assert!(numbers.iter().any(|number| *number >= 0.5));
    }
}
