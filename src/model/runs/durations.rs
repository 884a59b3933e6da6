//! Durations of runs as a histogram, which can be merged.

use std::time::Duration;

/// Counts the durations of runs in buckets of fixed bounds.
///
/// Two of them merge without a loss, unlike averages and percentiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunDurations {
    counts: [u32; Self::BOUNDS.len() + 1],
    sum: Duration,
    max: Duration,
}

impl RunDurations {
    /// The inclusive upper bounds of the buckets; the last bucket, after these, has none.
    pub const BOUNDS: [Duration; 13] = [
        Duration::from_millis(1),
        Duration::from_micros(2_500),
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(25),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(250),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_millis(2_500),
        Duration::from_secs(5),
        Duration::from_secs(10),
    ];

    /// Creates a histogram from its parts, such as those of a row in a database.
    ///
    /// `counts` has the number of durations of each bucket, in the order of
    /// [`BOUNDS`](Self::BOUNDS), and that of longer ones last.
    pub fn from_parts(counts: [u32; Self::BOUNDS.len() + 1], sum: Duration, max: Duration) -> Self {
        Self { counts, sum, max }
    }

    pub(crate) fn add(&mut self, duration: Duration) {
        let bucket = Self::BOUNDS.partition_point(|bound| *bound < duration);
        self.counts[bucket] = self.counts[bucket].saturating_add(1);
        self.sum = self.sum.saturating_add(duration);
        self.max = self.max.max(duration);
    }

    /// Adds the durations of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(more);
        }
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }

    /// Returns how many durations each bucket has: those up to its [bound](Self::BOUNDS), and above
    /// the bound before it.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Returns how many durations there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// Returns the sum of all durations.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// Returns the longest duration; zero if there is none.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// Returns a duration that at least this share of the runs did not exceed: the bound of its
    /// bucket, or the longest duration if that is less. `None` without any duration.
    ///
    /// `share` is a fraction from 0 to 1, such as 0.95.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        let rank = (share.clamp(0.0, 1.0) * count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, more) in self.counts.iter().enumerate() {
            seen += u64::from(*more);
            if seen >= rank {
                let bound = Self::BOUNDS.get(index).copied().unwrap_or(self.max);
                return Some(bound.min(self.max));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn of(durations: &[u64]) -> RunDurations {
        let mut all = RunDurations::default();
        durations.iter().for_each(|millis| all.add(ms(*millis)));
        all
    }

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let all = of(&[0, 1, 2, 10_000, 10_001]);
        assert_eq!(all.counts(), [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!((all.count(), all.max()), (5, ms(10_001)));
        assert_eq!(all.sum(), ms(20_004));
    }

    #[test]
    fn merging_equals_adding_all() {
        let (some, others) = ([3, 40, 900], [0, 7_000, 12]);
        let mut merged = of(&some);
        merged.merge(&of(&others));
        assert_eq!(merged, of(&[some, others].concat()));
    }

    #[test]
    fn a_quantile_is_a_bound_but_never_more_than_the_longest() {
        assert_eq!(RunDurations::default().quantile(0.95), None);
        let all = of(&[2, 2, 2, 2, 2, 2, 2, 2, 2, 30]);
        let quantiles = [0.0, 0.5, 0.9, 0.95, 1.0].map(|share| all.quantile(share));
        let half = Some(Duration::from_micros(2_500));
        assert_eq!(quantiles, [half, half, half, Some(ms(30)), Some(ms(30))]);
        assert_eq!(of(&[20_000]).quantile(0.5), Some(ms(20_000)));
    }
}
