//! Spreads the runs of a fleet that was deployed at one moment.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A SplitMix64 generator: spreading runs needs no better randomness, and no dependency.
#[derive(Debug)]
pub(crate) struct Jitter {
    /// The fraction by which an interval is varied.
    fraction: f64,
    state: u64,
}

impl Jitter {
    pub(crate) fn new(fraction: f64, seed: Option<u64>) -> Self {
        let state = seed.unwrap_or_else(|| RandomState::new().hash_one("jitter"));
        Self { fraction, state }
    }

    /// The time to the first repeat: anywhere within one interval.
    pub(super) fn first(&mut self, interval: Duration) -> Duration {
        if self.fraction == 0.0 {
            return interval;
        }
        interval.mul_f64(1.0 - self.unit())
    }

    /// The time to any later repeat: about one interval.
    pub(super) fn next(&mut self, interval: Duration) -> Duration {
        let varied = 1.0 + self.fraction * (2.0 * self.unit() - 1.0);
        interval.mul_f64(varied)
    }

    /// At least 0 and less than 1.
    fn unit(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        // 53 bits are what a float of this size can hold.
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    proptest! {
        #[test]
        fn every_delay_is_within_its_bounds(seed: u64) {
            let mut jitter = Jitter::new(0.1, Some(seed));
            let first = jitter.first(INTERVAL);
            prop_assert!(first > Duration::ZERO && first <= INTERVAL);
            for _ in 0..100 {
                let next = jitter.next(INTERVAL);
                prop_assert!(next >= Duration::from_secs(9) && next <= Duration::from_secs(11));
            }
        }
    }

    #[test]
    fn first_repeats_spread_over_the_whole_interval() {
        let mut jitter = Jitter::new(0.1, Some(7));
        let mut tenths = [0_u32; 10];
        for _ in 0..1_000 {
            let tenth = jitter.first(INTERVAL).as_secs().min(9);
            tenths[tenth as usize] += 1;
        }
        assert!(
            tenths.iter().all(|count| (60..140).contains(count)),
            "{tenths:?}"
        );
    }

    #[test]
    fn no_jitter_is_exact_and_a_seed_repeats() {
        let mut none = Jitter::new(0.0, None);
        assert_eq!(
            (none.first(INTERVAL), none.next(INTERVAL)),
            (INTERVAL, INTERVAL)
        );
        let draw = |seed| Jitter::new(0.1, Some(seed)).next(INTERVAL);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
