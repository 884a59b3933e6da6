//! The runs within one minute, or another span, as sums that can be merged.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{RunDurations, RunOutcome, RunSample};

/// Sums up the runs that ended within a span of time, such as a minute.
///
/// Buckets merge without a loss: the minutes of an hour give what counting the hour would have given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunBucket {
    /// Seconds since 1970.
    start: u64,
    runs: [u32; RunOutcome::EACH.len()],
    durations: RunDurations,
}

impl RunBucket {
    /// Creates an empty bucket; the span begins at `start`, to the second.
    pub fn new(start: SystemTime) -> Self {
        Self {
            start: seconds(start),
            runs: [0; RunOutcome::EACH.len()],
            durations: RunDurations::default(),
        }
    }

    /// Creates a bucket from its parts, such as those of a row in a database.
    ///
    /// `runs` has the number of runs of each outcome. One that it leaves out has none, and those of
    /// one that comes twice are added.
    pub fn from_parts(
        start: SystemTime,
        runs: impl IntoIterator<Item = (RunOutcome, u32)>,
        durations: RunDurations,
    ) -> Self {
        let mut bucket = Self::new(start);
        for (outcome, runs) in runs {
            let counted = &mut bucket.runs[outcome as usize];
            *counted = counted.saturating_add(runs);
        }
        bucket.durations = durations;
        bucket
    }

    /// Returns the start of the span of this length that a moment falls into. Spans are aligned to
    /// UTC.
    pub fn start_of(span: Duration, time: SystemTime) -> SystemTime {
        let (seconds, span) = (seconds(time), span.as_secs().max(1));
        UNIX_EPOCH + Duration::from_secs(seconds - seconds % span)
    }

    /// Counts a run.
    pub fn add(&mut self, run: &RunSample) {
        let runs = &mut self.runs[run.outcome() as usize];
        *runs = runs.saturating_add(1);
        self.durations.add(run.duration());
    }

    /// Adds the runs of `other`, whose span lies within that of this bucket.
    pub fn merge(&mut self, other: &Self) {
        for (runs, more) in self.runs.iter_mut().zip(other.runs) {
            *runs = runs.saturating_add(more);
        }
        self.durations.merge(&other.durations);
    }

    /// Returns when the span begins.
    pub fn start(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.start)
    }

    /// Returns how many runs ended like this.
    pub fn runs(&self, outcome: RunOutcome) -> u32 {
        self.runs[outcome as usize]
    }

    /// Returns the durations of all runs.
    pub fn durations(&self) -> &RunDurations {
        &self.durations
    }
}

/// Returns the whole seconds since 1970.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
        // So that the start stays a time that the system can express.
        .min(u64::from(u32::MAX) * 60)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(60 * 60);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn spans_are_aligned_to_utc() {
        let time = at(1_705_314_659) + Duration::from_millis(999);
        let starts = [MINUTE, HOUR, DAY].map(|span| RunBucket::start_of(span, time));
        assert_eq!(
            starts,
            [1_705_314_600, 1_705_312_800, 1_705_276_800].map(at)
        );
        assert_eq!(RunBucket::start_of(HOUR, at(0) - MINUTE), at(0));
    }

    /// Sums up runs by spans of this length, in order.
    fn by_span(span: Duration, runs: &[RunSample]) -> Vec<RunBucket> {
        let mut buckets = Vec::<RunBucket>::new();
        for run in runs {
            let start = RunBucket::start_of(span, run.time());
            match buckets.iter_mut().find(|bucket| bucket.start() == start) {
                Some(bucket) => bucket.add(run),
                None => {
                    let mut bucket = RunBucket::new(start);
                    bucket.add(run);
                    buckets.push(bucket);
                }
            }
        }
        buckets
    }

    fn merged(span: Duration, parts: &[RunBucket]) -> Vec<RunBucket> {
        let mut buckets = Vec::<RunBucket>::new();
        for part in parts {
            let start = RunBucket::start_of(span, part.start());
            match buckets.iter_mut().find(|bucket| bucket.start() == start) {
                Some(bucket) => bucket.merge(part),
                None => {
                    let mut bucket = RunBucket::new(start);
                    bucket.merge(part);
                    buckets.push(bucket);
                }
            }
        }
        buckets
    }

    fn run() -> impl Strategy<Value = RunSample> {
        let outcome = (0..RunOutcome::EACH.len()).prop_map(|index| RunOutcome::EACH[index]);
        (0..400_000_u64, 0..20_000_000_u64, outcome).prop_map(|(second, micros, outcome)| {
            RunSample::new(at(second), Duration::from_micros(micros), outcome)
        })
    }

    proptest! {
        #[test]
        fn minutes_merged_to_hours_and_days_equal_direct_sums(
            runs in prop::collection::vec(run(), 0..200)
        ) {
            let hours = merged(HOUR, &by_span(MINUTE, &runs));
            prop_assert_eq!(&hours, &by_span(HOUR, &runs));
            prop_assert_eq!(merged(DAY, &hours), by_span(DAY, &runs));
        }
    }
}
