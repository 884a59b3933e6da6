//! The queries, which sum up finer rows to the resolution that was asked for.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use super::{RecordedRuns, RecordedTransition};
use crate::recorder::columns::{self, at_micros, micros_since_1970, seconds};
use crate::recorder::database::{Row, Session, Value};
use crate::recorder::error::Kind;
use crate::recorder::{RecorderError, Resolution, Selection, names};
use crate::{Cause, Transition};

/// The most rows that a query returns.
const MOST: usize = 100_000;

pub(super) async fn runs(
    session: &mut Session,
    range: Range<SystemTime>,
    selection: &Selection,
    resolution: Resolution,
) -> Result<Vec<RecordedRuns>, RecorderError> {
    let dialect = session.dialect();
    let from = resolution.floor(seconds(range.start));
    // The end is exclusive; a bucket belongs to the range if it begins before that.
    let to = micros_since_1970(range.end).div_euclid(1_000_000)
        + i64::from(micros_since_1970(range.end) % 1_000_000 > 0);
    let (condition, mut values) = selection.condition(5);
    let span = format!("{}(b.resolution, $1)", dialect.greatest());
    // Days begin before the first hour of a range; the index finds them by their start. `CROSS JOIN`
    // makes SQLite begin with the series, whose rows are together, instead of reading every row.
    let sql = format!(
        "SELECT s.service, s.probe, s.check_name, {span}, b.start - b.start % {span}, {} \
         FROM tower_health_series s CROSS JOIN tower_health_buckets b \
         WHERE b.series = s.id AND {condition} AND b.resolution IN (60, 3600, 86400) \
         AND b.start >= $2 AND b.start < $4 AND b.start + b.resolution > $3 \
         GROUP BY s.service, s.probe, s.check_name, {span}, b.start - b.start % {span} \
         ORDER BY s.service, s.probe, s.check_name, 5, 4 LIMIT {}",
        columns::sums(dialect),
        MOST + 1
    );
    let bounds = [resolution.seconds(), Resolution::Day.floor(from), from, to];
    let mut all: Vec<_> = bounds.map(Value::from).to_vec();
    all.append(&mut values);
    let rows = bounded(session.fetch(sql, all).await?)?;
    Ok(rows.iter().filter_map(recorded_runs).collect())
}

fn recorded_runs(row: &Row) -> Option<RecordedRuns> {
    Some(RecordedRuns {
        service: row.text(0)?.to_owned(),
        check: names::subject(row.text(1)?, row.text(2)?)?,
        resolution: Resolution::of_seconds(row.int(3)?),
        bucket: columns::bucket(row.int(4)?, row, 5),
    })
}

pub(super) async fn transitions(
    session: &mut Session,
    range: Range<SystemTime>,
    selection: &Selection,
) -> Result<Vec<RecordedTransition>, RecorderError> {
    let rows = transition_rows(session, range, selection, "ASC", MOST + 1).await?;
    Ok(bounded(rows)?
        .iter()
        .filter_map(recorded_transition)
        .collect())
}

/// Returns at most this many, oldest first, and whether there are more.
#[cfg(feature = "management")]
pub(super) async fn latest_transitions(
    session: &mut Session,
    range: Range<SystemTime>,
    selection: &Selection,
    most: usize,
) -> Result<(Vec<RecordedTransition>, bool), RecorderError> {
    let mut rows = transition_rows(session, range, selection, "DESC", most + 1).await?;
    let has_more = rows.len() > most;
    rows.truncate(most);
    let oldest_first = rows.iter().rev();
    let transitions = oldest_first.filter_map(recorded_transition).collect();
    Ok((transitions, has_more))
}

async fn transition_rows(
    session: &mut Session,
    range: Range<SystemTime>,
    selection: &Selection,
    order: &str,
    most: usize,
) -> Result<Vec<Row>, RecorderError> {
    let (condition, mut values) = selection.condition(3);
    let sql = format!(
        "SELECT s.service, s.instance, s.probe, s.check_name, t.at, t.status_from, t.status_to, \
         t.cause, t.output, t.duration, t.failures, t.lateness \
         FROM tower_health_series s JOIN tower_health_transitions t ON t.series = s.id \
         WHERE {condition} AND t.at >= $1 AND t.at < $2 \
         ORDER BY t.at {order}, t.process {order}, t.ordinal {order}, s.id {order} LIMIT {most}"
    );
    let bounds = [range.start, range.end].map(micros_since_1970);
    let mut all: Vec<_> = bounds.map(Value::from).to_vec();
    all.append(&mut values);
    session.fetch(sql, all).await
}

fn recorded_transition(row: &Row) -> Option<RecordedTransition> {
    let transition = Transition {
        subject: names::subject(row.text(2)?, row.text(3)?)?,
        from: row.text(5).and_then(names::status),
        to: names::status(row.text(6)?)?,
        output: row.text(8).map(str::to_owned),
        cause: row.text(7).and_then(cause),
        time: at_micros(row.int(4)?),
        duration: row.int(9).map(|_| Duration::from_micros(row.count(9))),
        consecutive_failures: row.count(10),
        lateness: Duration::from_micros(row.count(11)),
    };
    Some(RecordedTransition {
        service: row.text(0)?.to_owned(),
        instance: row.text(1)?.to_owned(),
        transition,
    })
}

fn cause(word: &str) -> Option<Cause> {
    let known = [Cause::Failed, Cause::Stale, Cause::Starved];
    known.into_iter().find(|cause| cause.as_str() == word)
}

fn bounded(rows: Vec<Row>) -> Result<Vec<Row>, RecorderError> {
    if rows.len() <= MOST {
        return Ok(rows);
    }
    let text = format!("there are more than {MOST} rows: choose a shorter range or less checks");
    Err(RecorderError::new(Kind::TooMuch, text))
}
