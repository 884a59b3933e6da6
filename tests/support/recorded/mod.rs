//! Runs to be recorded, and what a history of them must contain.

pub(crate) mod concurrent;
pub(crate) mod late;
pub(crate) mod merging;
pub(crate) mod trimming;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tower_health::recorder::{Archive, RecordedRuns, Resolution, Selection, Simulation};
use tower_health::{
    Check, Criticality, Health, Probe, RunBucket, RunDurations, RunOutcome, Subject, indicator_fn,
};

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
    let outcomes = runs
        .iter()
        .map(|(outcome, _)| (RunOutcome::ALL[*outcome], 1));
    let mut counts = [0; RunDurations::BOUNDS.len() + 1];
    let (mut sum, mut max) = (Duration::ZERO, Duration::ZERO);
    for (_, micros) in runs {
        let duration = Duration::from_micros(*micros);
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
    let passed = recorded
        .iter()
        .map(|runs| runs.bucket().runs(RunOutcome::Pass));
    passed.sum()
}

/// A database that several processes write to, of either kind.
pub(crate) trait Store: Clone + Send + Sync + 'static {
    /// Registers a process of an instance.
    fn process(&self, instance: &str, now: SystemTime) -> impl Future<Output = Simulation> + Send;

    fn archive(&self) -> Archive;
}

/// Everything that is recorded of the check `db`, in this resolution at best.
pub(crate) async fn recorded(store: &impl Store, resolution: Resolution) -> Vec<RecordedRuns> {
    let selection = Selection::check("db").resolution(resolution);
    let always = UNIX_EPOCH..at(START + 100 * 365 * DAY);
    store.archive().history(always, selection).await.unwrap()
}

/// Writes minutes of the check `db`, at the time when they end.
pub(crate) async fn write(process: &mut Simulation, minutes: &[RunBucket]) -> Option<u64> {
    let last = minutes.iter().map(RunBucket::start).max().unwrap();
    let now = last + Duration::from_secs(MINUTE);
    write_at(process, minutes, [now, now]).await
}

/// Writes minutes of the check `db`, by the clock of the database and by that of the process.
pub(crate) async fn write_at(
    process: &mut Simulation,
    minutes: &[RunBucket],
    clocks: [SystemTime; 2],
) -> Option<u64> {
    let minutes = minutes.iter().map(|minute| (check("db"), *minute));
    process.write(minutes.collect(), clocks).await.unwrap()
}

/// Tidies up at this second.
pub(crate) async fn tidy(process: &mut Simulation, second: u64) {
    process.tidy(at(second), 1_000).await.unwrap();
}

/// A health with a check `db` that runs only when it is told to, apart from its first run, and passes
/// while `is_up`.
pub(crate) async fn health_of(is_up: &Arc<AtomicBool>) -> Health {
    let is_up = Arc::clone(is_up);
    let db = indicator_fn("db", move || {
        let is_up = is_up.load(Ordering::Relaxed);
        async move {
            if is_up {
                Ok(())
            } else {
                Err("refused, password=hunter2")
            }
        }
    });
    let health = Health::builder()
        .jitter(0.0)
        .ttl(Duration::from_secs(HOUR))
        .readiness(Check::new(db).criticality(Criticality::Critical))
        .start()
        .unwrap();
    health.await_ready().await.unwrap();
    health
}

/// One whose check `db` always passes.
pub(crate) async fn healthy() -> Health {
    health_of(&Arc::new(AtomicBool::new(true))).await
}

/// Runs the check `db` this often.
pub(crate) async fn run_db(health: &Health, times: usize) {
    for _ in 0..times {
        health.run_now("db").await.unwrap();
    }
}

/// How many runs of the check `db` are recorded as passed lately.
pub(crate) async fn passed_lately(archive: &Archive) -> u32 {
    let now = SystemTime::now();
    let lately = now - Duration::from_secs(HOUR)..now + Duration::from_secs(HOUR);
    match archive.history(lately, "db").await {
        Ok(recorded) => passed(&recorded),
        Err(error) => panic!("{error}"),
    }
}
