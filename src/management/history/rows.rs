//! Transitions, runs and sums of runs as JSON, wherever they come from.

use serde_json::{Value, json};

use crate::management::facts::{seconds, time};
use crate::{CheckState, RunBucket, RunDurations, RunOutcome, RunSample, Transition};

pub(super) fn change(transition: &Transition) -> Value {
    json!({
        "time": time(transition.time),
        "subject": transition.subject.to_string(),
        "from": transition.from.map(|status| status.as_str()),
        "to": transition.to.as_str(),
        "cause": transition.cause.map(|cause| cause.to_string()),
        "output": transition.output,
        "durationSeconds": transition.duration.map(seconds),
        "consecutiveFailures": transition.consecutive_failures,
        "latenessSeconds": seconds(transition.lateness),
    })
}

pub(super) fn summary(check: &CheckState) -> Value {
    let stats = check.stats();
    json!({
        "status": check.status().as_str(),
        "since": check.since().and_then(time),
        "lastPass": check.last_pass().and_then(time),
        "consecutiveFailures": stats.consecutive_failures(),
        "runs": counts(|outcome| stats.runs(outcome)),
        "durations": durations(stats.durations()),
    })
}

pub(super) fn sample(run: &RunSample) -> Value {
    json!({
        "time": time(run.time()),
        "outcome": run.outcome().as_str(),
        "durationSeconds": seconds(run.duration()),
    })
}

pub(super) fn bucket(minute: &RunBucket) -> Value {
    json!({
        "start": time(minute.start()),
        "runs": counts(|outcome| u64::from(minute.runs(outcome))),
        "durations": durations(minute.durations()),
    })
}

/// Leaves out the outcomes that never came.
fn counts(runs: impl Fn(RunOutcome) -> u64) -> Value {
    let counts = RunOutcome::ALL.iter().copied().filter_map(|outcome| {
        let runs = runs(outcome);
        (runs > 0).then(|| (outcome.as_str().to_owned(), Value::from(runs)))
    });
    Value::Object(counts.collect())
}

fn durations(durations: &RunDurations) -> Value {
    json!({
        "count": durations.count(),
        "sumSeconds": seconds(durations.sum()),
        "maxSeconds": seconds(durations.max()),
        "p50Seconds": durations.quantile(0.5).map(seconds),
        "p95Seconds": durations.quantile(0.95).map(seconds),
    })
}
