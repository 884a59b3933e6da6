//! Spreads the runs of instances that were deployed together, and aligns runs of one process that
//! are due at almost the same time.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// Runs are due at multiples of this, or of a hundredth of their interval if that is less, so that
/// the refresher wakes up once for several runs.
const MOMENT: Duration = Duration::from_millis(10);

/// Varies intervals with a SplitMix64 generator, which is random enough and needs no dependency.
#[derive(Debug)]
pub(crate) struct Jitter {
    /// The fraction by which intervals vary. At 0, runs are due after exactly one interval.
    fraction: f64,
    state: u64,
    /// The start of the first moment.
    epoch: Instant,
}

impl Jitter {
    pub(crate) fn new(fraction: f64, seed: Option<u64>, epoch: Instant) -> Self {
        let state = seed.unwrap_or_else(|| RandomState::new().hash_one("jitter"));
        Self {
            fraction,
            state,
            epoch,
        }
    }

    /// Returns when the first repeat is due, which is anywhere within one interval.
    pub(super) fn first(&mut self, now: Instant, interval: Duration) -> Instant {
        if self.fraction == 0.0 {
            return now + interval;
        }
        let delay = interval.mul_f64(1.0 - self.unit());
        self.aligned(now, delay, interval)
    }

    /// Returns when a later repeat is due, which is after about one interval.
    pub(super) fn next(&mut self, now: Instant, interval: Duration) -> Instant {
        if self.fraction == 0.0 {
            return now + interval;
        }
        let varied = 1.0 + self.fraction * (2.0 * self.unit() - 1.0);
        self.aligned(now, interval.mul_f64(varied), interval)
    }

    /// Moves a due time to the start of its moment, unless that has passed.
    fn aligned(&self, now: Instant, delay: Duration, interval: Duration) -> Instant {
        let moment = MOMENT.min(interval / 100).as_nanos().max(1);
        let due = now + delay;
        let into = due.saturating_duration_since(self.epoch).as_nanos() % moment;
        let into = Duration::from_nanos(u64::try_from(into).unwrap_or(0));
        if into < delay { due - into } else { due }
    }

    /// Returns a random number from 0 to below 1.
    fn unit(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        // An `f64` has 53 bits of precision.
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn jitter(fraction: f64, seed: Option<u64>) -> (Jitter, Instant) {
        let epoch = Instant::now();
        (Jitter::new(fraction, seed, epoch), epoch)
    }

    proptest! {
        #[test]
        fn every_delay_is_within_its_bounds(seed: u64, after in 0..10_000_000_u64) {
            let (mut jitter, epoch) = jitter(0.1, Some(seed));
            let now = epoch + Duration::from_micros(after);
            let first = jitter.first(now, INTERVAL) - now;
            prop_assert!(first > Duration::ZERO && first <= INTERVAL);
            for _ in 0..100 {
                let next = jitter.next(now, INTERVAL) - now;
                prop_assert!(next >= Duration::from_millis(8_990) && next <= Duration::from_secs(11));
            }
        }

        #[test]
        fn runs_are_due_at_few_moments(seed: u64, millis in 1..100_000_u64) {
            let (mut jitter, epoch) = jitter(0.1, Some(seed));
            let (now, interval) = (epoch + Duration::from_micros(1234), Duration::from_millis(millis));
            let moment = MOMENT.min(interval / 100);
            for _ in 0..100 {
                let due = jitter.next(now, interval) - epoch;
                prop_assert_eq!(due.as_nanos() % moment.as_nanos(), 0);
            }
        }
    }

    #[test]
    fn first_repeats_spread_over_the_whole_interval() {
        let (mut jitter, now) = jitter(0.1, Some(7));
        let mut tenths = [0_u32; 10];
        for _ in 0..1_000 {
            let tenth = (jitter.first(now, INTERVAL) - now).as_secs().min(9);
            tenths[tenth as usize] += 1;
        }
        assert!(
            tenths.iter().all(|count| (60..140).contains(count)),
            "{tenths:?}"
        );
    }

    #[test]
    fn a_delay_shorter_than_a_moment_is_kept() {
        let (jitter, epoch) = jitter(0.1, None);
        let delay = Duration::from_millis(3);
        assert_eq!(jitter.aligned(epoch, delay, INTERVAL), epoch + delay);
    }

    // What the reference implementation of SplitMix64 gives for this seed.
    #[test]
    fn the_numbers_are_those_of_a_generator_that_is_known_to_be_even() {
        let (mut jitter, _) = jitter(0.1, Some(1_234_567));
        for bits in [
            6_457_827_717_110_365_317_u64,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ] {
            assert_eq!((jitter.unit() * 2_f64.powi(53)) as u64, bits >> 11);
        }
    }

    #[test]
    fn no_jitter_is_exact_and_a_seed_repeats() {
        let (mut none, epoch) = jitter(0.0, None);
        let now = epoch + Duration::from_micros(1234);
        assert_eq!(none.first(now, INTERVAL), now + INTERVAL);
        assert_eq!(none.next(now, INTERVAL), now + INTERVAL);
        let draw = |seed| Jitter::new(0.1, Some(seed), epoch).next(now, INTERVAL);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
