//! Durations for recorders that take one value at a time, from the sums that a snapshot has.

use std::time::Duration;

use crate::RunDurations;

/// Returns the durations that were added since `before`, each with how many there are of it.
///
/// A single one is exact: it is the difference of the sums. Of several, each bucket gets the mean of
/// all, moved into its bounds.
pub(super) fn added(before: &RunDurations, now: &RunDurations) -> Vec<(Duration, usize)> {
    let sum = now.sum().saturating_sub(before.sum());
    let Ok(count @ 1..) = u32::try_from(now.count().saturating_sub(before.count())) else {
        return Vec::new();
    };
    let mean = sum / count;
    let mut lower = Duration::ZERO;
    let mut durations = Vec::new();
    let counts = now.counts().iter().zip(before.counts());
    let upper = RunDurations::BOUNDS.into_iter().chain([now.max()]);
    for ((now, before), upper) in counts.zip(upper) {
        let more = now.saturating_sub(*before) as usize;
        if more > 0 {
            let within = mean.max(lower).min(upper);
            durations.push((within, more));
        }
        // A bound belongs to the bucket below it.
        lower = upper + Duration::from_nanos(1);
    }
    durations
}

#[cfg(test)]
mod tests {
    use crate::{RunBucket, RunOutcome, RunSample};

    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn of(millis: &[u64]) -> RunDurations {
        let mut bucket = RunBucket::new(std::time::UNIX_EPOCH);
        for millis in millis {
            let time = std::time::UNIX_EPOCH;
            bucket.add(&RunSample::new(time, ms(*millis), RunOutcome::Pass));
        }
        *bucket.durations()
    }

    #[test]
    fn a_single_duration_is_exact_and_several_stay_in_their_buckets() {
        let slight = Duration::from_nanos(1);
        for (before, now, expected) in [
            (vec![], vec![], vec![]),
            (vec![3], vec![3], vec![]),
            (vec![3, 700], vec![3, 700, 42], vec![(ms(42), 1)]),
            (vec![3], vec![3, 20_000], vec![(ms(20_000), 1)]),
            // The mean is 6 ms.
            (vec![], vec![6, 7, 5], vec![(ms(5), 1), (ms(6), 2)]),
            // The mean is 500.5 ms, in the bucket between the two.
            (
                vec![],
                vec![1, 1_000],
                vec![(ms(1), 1), (ms(500) + ms(1) / 2, 1)],
            ),
            (
                vec![],
                vec![0, 12_000, 30_000],
                vec![(ms(1), 1), (ms(14_000), 2)],
            ),
            (
                vec![],
                vec![1, 2, 9_000],
                vec![(ms(1), 1), (ms(2) + ms(1) / 2, 1), (ms(5_000) + slight, 1)],
            ),
        ] {
            assert_eq!(
                added(&of(&before), &of(&now)),
                expected,
                "{before:?} {now:?}"
            );
        }
    }
}
