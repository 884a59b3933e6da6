//! Runs to be recorded, and what a history of them must contain.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tower_health::recorder::{RecordedRuns, Resolution};
use tower_health::{Probe, RunBucket, RunDurations, RunOutcome, Subject};

pub(crate) const MINUTE: u64 = 60;
pub(crate) const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;

/// A midnight in 2024.
pub(crate) const START: u64 = 1_705_276_800;

pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(crate) fn check(name: &str) -> Subject {
    Subject::Check {
        probe: Probe::Readiness,
        name: name.to_owned(),
    }
}

/// A bucket of these runs, each with its outcome and its duration in microseconds.
pub(crate) fn bucket(start: u64, runs: &[(usize, u64)]) -> RunBucket {
    let mut outcomes = [0; RunOutcome::EACH.len()];
    let mut counts = [0; RunDurations::BOUNDS.len() + 1];
    let (mut sum, mut max) = (Duration::ZERO, Duration::ZERO);
    for (outcome, micros) in runs {
        let duration = Duration::from_micros(*micros);
        outcomes[*outcome] += 1;
        counts[RunDurations::BOUNDS.partition_point(|bound| *bound < duration)] += 1;
        sum += duration;
        max = max.max(duration);
    }
    let durations = RunDurations::from_parts(counts, sum, max);
    RunBucket::from_parts(at(start), outcomes, durations)
}

/// A minute with this many passes of a millisecond.
pub(crate) fn passes(start: u64, count: usize) -> RunBucket {
    bucket(start, &vec![(0, 1_000); count])
}

/// Sums up buckets by spans of this resolution.
pub(crate) fn merged<'a>(
    resolution: Resolution,
    buckets: impl IntoIterator<Item = &'a RunBucket>,
) -> Vec<RunBucket> {
    let mut spans = BTreeMap::new();
    for bucket in buckets {
        let start = RunBucket::start_of(resolution.span(), bucket.start());
        let span = spans.entry(start).or_insert_with(|| RunBucket::new(start));
        span.merge(bucket);
    }
    spans.into_values().collect()
}

pub(crate) fn buckets(recorded: &[RecordedRuns]) -> Vec<RunBucket> {
    recorded.iter().map(|runs| *runs.bucket()).collect()
}

/// How many runs passed, in all.
pub(crate) fn passed(recorded: &[RecordedRuns]) -> u32 {
    let passed = recorded.iter().map(|runs| runs.bucket().runs(RunOutcome::Pass));
    passed.sum()
}
