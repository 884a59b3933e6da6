//! The columns of a bucket, and how rows are summed up in SQL.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::database::{Dialect, Row, Value};
use crate::{RunBucket, RunDurations, RunOutcome};

/// The columns of a bucket after its key, in the order of [`values`]: the outcomes, the sum and the
/// maximum of the durations, and the histogram.
const COUNTS: [(RunOutcome, &str); 6] = [
    (RunOutcome::Pass, "runs_pass"),
    (RunOutcome::Warn, "runs_warn"),
    (RunOutcome::Fail, "runs_fail"),
    (RunOutcome::Timeout, "runs_timeout"),
    (RunOutcome::Panic, "runs_panic"),
    (RunOutcome::Starved, "runs_starved"),
];
const SUM: &str = "duration_sum";
const MAX: &str = "duration_max";
const HISTOGRAM: [&str; RunDurations::BOUNDS.len() + 1] = [
    "up_to_1ms",
    "up_to_2_5ms",
    "up_to_5ms",
    "up_to_10ms",
    "up_to_25ms",
    "up_to_50ms",
    "up_to_100ms",
    "up_to_250ms",
    "up_to_500ms",
    "up_to_1s",
    "up_to_2_5s",
    "up_to_5s",
    "up_to_10s",
    "longer",
];

/// The greatest count that a column takes.
const MOST: i64 = i32::MAX as i64;

fn counts() -> impl Iterator<Item = &'static str> {
    outcomes().chain(HISTOGRAM)
}

fn outcomes() -> impl Iterator<Item = &'static str> {
    COUNTS.into_iter().map(|(_, column)| column)
}

/// Lists the columns, in the order of [`values`].
pub(super) fn names() -> String {
    let names: Vec<_> = outcomes().chain([SUM, MAX]).chain(HISTOGRAM).collect();
    names.join(", ")
}

/// Lists the columns summed up over the rows of a group, as what a column can take.
pub(super) fn sums(dialect: Dialect) -> String {
    let least = dialect.least();
    // The least of NULL and a number is the number in Postgres, and NULL in SQLite.
    let count = |name| {
        let sum = format!("{least}(coalesce(sum({name}), 0), {MOST})");
        format!("CAST(nullif({sum}, 0) AS bigint)")
    };
    let mut sums: Vec<_> = outcomes().map(count).collect();
    sums.push(format!("CAST(sum({SUM}) AS bigint)"));
    sums.push(format!("max({MAX})"));
    sums.extend(HISTOGRAM.into_iter().map(count));
    sums.join(", ")
}

/// Replaces every column by that of the row that was to be inserted.
pub(super) fn replaced() -> String {
    let columns = counts().chain([SUM, MAX]);
    let columns: Vec<_> = columns
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    columns.join(", ")
}

/// Adds to every column that of the row that was to be inserted.
pub(super) fn added(dialect: Dialect) -> String {
    let (greatest, least) = (dialect.greatest(), dialect.least());
    let old = |name| format!("coalesce(tower_health_buckets.{name}, 0)");
    let new = |name| format!("coalesce(excluded.{name}, 0)");
    // NULL stays NULL, which takes no space. The sum of two counts may be more than a column takes.
    let count = |name| {
        let sum = format!("CAST({} AS bigint) + {}", old(name), new(name));
        format!("{name} = nullif({least}({sum}, {MOST}), 0)")
    };
    let mut columns: Vec<_> = counts().map(count).collect();
    columns.push(format!("{SUM} = nullif({} + {}, 0)", old(SUM), new(SUM)));
    let max = format!("{greatest}({}, {})", old(MAX), new(MAX));
    columns.push(format!("{MAX} = nullif({max}, 0)"));
    columns.join(", ")
}

/// Returns the columns of a bucket; a count of 0 is NULL.
pub(super) fn values(bucket: &RunBucket) -> Vec<Value> {
    let sparse = |number: i64| Value::from((number != 0).then_some(number));
    let durations = bucket.durations();
    let runs = COUNTS.map(|(outcome, _)| i64::from(bucket.runs(outcome)).min(MOST));
    let times = [durations.sum(), durations.max()].map(micros);
    let counts = durations
        .counts()
        .iter()
        .map(|count| i64::from(*count).min(MOST));
    let all = runs.into_iter().chain(times).chain(counts);
    all.map(sparse).collect()
}

/// Returns the bucket of a row, whose columns begin at `first`.
pub(super) fn bucket(start: i64, row: &Row, first: usize) -> RunBucket {
    let count = |column| u32::try_from(row.count(first + column)).unwrap_or(u32::MAX);
    let times = COUNTS.len();
    let time = |column| Duration::from_micros(row.count(first + column));
    let runs = COUNTS.iter().enumerate();
    let runs = runs.map(|(column, (outcome, _))| (*outcome, count(column)));
    let counts = std::array::from_fn(|index| count(times + 2 + index));
    let durations = RunDurations::from_parts(counts, time(times), time(times + 1));
    RunBucket::from_parts(at_seconds(start), runs, durations)
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Returns the seconds since 1970; 0 before.
pub(super) fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Returns the microseconds since 1970; 0 before.
pub(super) fn micros_since_1970(time: SystemTime) -> i64 {
    micros(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

pub(super) fn at_seconds(seconds: i64) -> SystemTime {
    at(Duration::from_secs(seconds.try_into().unwrap_or(0)))
}

pub(super) fn at_micros(micros: i64) -> SystemTime {
    at(Duration::from_micros(micros.try_into().unwrap_or(0)))
}

fn at(since_1970: Duration) -> SystemTime {
    UNIX_EPOCH.checked_add(since_1970).unwrap_or(UNIX_EPOCH)
}
