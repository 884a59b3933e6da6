//! Writes minutes and transitions, as absolute values that can be written again.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use super::book::Batch;
use super::columns::{self, micros, micros_since_1970, seconds};
use super::database::{Session, Value};
use super::names::{self, Names};
use super::{RecorderError, Resolution};
use crate::{Cause, Status, Subject};

/// How many rows one statement writes.
const ROWS: usize = 40;

/// What marks a process whose minutes are all rolled up.
pub(super) const CLOSED: i64 = i64::MAX;

/// What became of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    All {
        /// How many minutes came after their hour was rolled up.
        too_late: u64,
    },
    /// The database does not know the process any more: nothing was written.
    Closed,
}

/// Writes batches of one process.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pub(super) names: Arc<Names>,
    /// The ids of subjects, in the database of this identity.
    series: Arc<HashMap<Subject, i64>>,
    identity: i64,
}

impl Writer {
    pub(super) fn new(names: Names) -> Self {
        Self {
            names: Arc::new(names),
            series: Arc::default(),
            identity: 0,
        }
    }

    /// Registers a process. One that is registered in vain has no minutes, and is deleted later.
    pub(super) async fn register(
        &self,
        session: &mut Session,
        started: SystemTime,
        now: i64,
    ) -> Result<i64, RecorderError> {
        let insert = "INSERT INTO tower_health_processes \
                      (service, instance, started, seen, latest, moved) \
                      VALUES ($1, $2, $3, $4, $5, 0) RETURNING id";
        let values = vec![
            self.names.service.as_str().into(),
            self.names.instance.as_str().into(),
            micros_since_1970(started).into(),
            now.into(),
            now.into(),
        ];
        session.begin().await?;
        let id = session.fetch_one(insert, values).await?;
        session.commit().await?;
        let id = id.and_then(|row| row.int(0));
        id.ok_or_else(|| RecorderError::unavailable("the database returns no id"))
    }

    /// Writes a batch in one transaction. `now` is that of the database, and `wall` that of this
    /// process. `committing` is set before the transaction is committed.
    pub(super) async fn write(
        &mut self,
        session: &mut Session,
        process: i64,
        batch: &Batch,
        [now, wall]: [i64; 2],
        committing: &AtomicBool,
    ) -> Result<Written, RecorderError> {
        if self.identity != session.identity {
            self.series = Arc::default();
            self.identity = session.identity;
        }
        session.begin().await?;
        // Also locks the row, so that nobody rolls up minutes of this process meanwhile.
        let seen = "UPDATE tower_health_processes SET seen = $2, latest = $3 WHERE id = $1 \
                    RETURNING moved";
        let seen = session
            .fetch_one(seen, vec![process.into(), now.into(), wall.into()])
            .await?;
        let moved = seen.and_then(|row| row.int(0)).unwrap_or(CLOSED);
        if moved == CLOSED {
            session.roll_back().await?;
            return Ok(Written::Closed);
        }
        let series = self.series(session, batch).await?;
        let is_late = |start| seconds(start) < moved;
        let in_time = batch
            .minutes
            .iter()
            .filter(|(_, minute)| !is_late(minute.start()));
        let minutes: Vec<_> = in_time
            .filter_map(|(check, minute)| {
                let minute_key = [
                    *series.get(check)?,
                    Resolution::Minute.seconds(),
                    seconds(minute.start()),
                    process,
                ];
                let mut row: Vec<Value> = minute_key.into_iter().map(Value::from).collect();
                row.extend(columns::values(minute));
                Some(row)
            })
            .collect();
        let too_late = (batch.minutes.len() - minutes.len()) as u64;
        upsert_minutes(session, minutes).await?;
        insert_transitions(session, transitions(batch, &series, process)).await?;
        committing.store(true, Ordering::Relaxed);
        session.commit().await?;
        // Only now are they certain to be there.
        self.series = Arc::new(series);
        Ok(Written::All { too_late })
    }

    /// Returns the ids of the subjects of a batch, and of those that were known before.
    async fn series(
        &self,
        session: &mut Session,
        batch: &Batch,
    ) -> Result<HashMap<Subject, i64>, RecorderError> {
        let mut series = self.series.as_ref().clone();
        let changes = batch
            .changes
            .iter()
            .map(|change| &change.transition.subject);
        let subjects = batch.minutes.iter().map(|(check, _)| check).chain(changes);
        let unknown = subjects.filter(|subject| !series.contains_key(subject));
        let mut unknown: Vec<_> = unknown.cloned().collect();
        // In the same order in each process: two of them would otherwise wait for one another.
        unknown.sort_by_cached_key(ToString::to_string);
        unknown.dedup();
        for subject in unknown {
            let id = self.series_of(session, &subject).await?;
            series.insert(subject, id);
        }
        Ok(series)
    }

    async fn series_of(
        &self,
        session: &mut Session,
        subject: &Subject,
    ) -> Result<i64, RecorderError> {
        let (probe, check) = names::columns(subject);
        let key = [&self.names.service, &self.names.instance, probe, check].map(Value::from);
        let select = "SELECT id FROM tower_health_series WHERE service = $1 AND instance = $2 \
                      AND probe = $3 AND check_name = $4";
        if let Some(row) = session.fetch_one(select, key.to_vec()).await? {
            return Ok(row.int(0).unwrap_or_default());
        }
        // Another process may insert it at the same time; the second one waits, and updates nothing.
        let insert = "INSERT INTO tower_health_series (service, instance, probe, check_name) \
                      VALUES ($1, $2, $3, $4) ON CONFLICT (service, instance, probe, check_name) \
                      DO UPDATE SET check_name = excluded.check_name RETURNING id";
        let row = session.fetch_one(insert, key.to_vec()).await?;
        let id = row.and_then(|row| row.int(0));
        id.ok_or_else(|| RecorderError::unavailable("the database returns no id"))
    }

    /// Forgets what may not be in the database after a failure.
    pub(super) fn forget(&mut self) {
        self.series = Arc::default();
    }
}

async fn upsert_minutes(session: &mut Session, rows: Vec<Vec<Value>>) -> Result<(), RecorderError> {
    let columns = format!("series, resolution, start, process, {}", columns::names());
    let then = format!(
        "ON CONFLICT (series, resolution, start, process) DO UPDATE SET {}",
        columns::replaced()
    );
    let into = format!("tower_health_buckets ({columns})");
    insert(session, &into, rows, &then).await
}

async fn insert_transitions(
    session: &mut Session,
    rows: Vec<Vec<Value>>,
) -> Result<(), RecorderError> {
    let into = "tower_health_transitions (series, at, process, ordinal, status_from, status_to, \
                cause, output, duration, failures, lateness)";
    let then = "ON CONFLICT (series, at, process, ordinal) DO NOTHING";
    insert(session, into, rows, then).await
}

fn transitions(batch: &Batch, series: &HashMap<Subject, i64>, process: i64) -> Vec<Vec<Value>> {
    let changes = batch.changes.iter().filter_map(|change| {
        let transition = &change.transition;
        let failures = i64::try_from(transition.consecutive_failures).unwrap_or(i64::MAX);
        Some(vec![
            (*series.get(&transition.subject)?).into(),
            micros_since_1970(transition.time).into(),
            process.into(),
            change.ordinal.into(),
            transition.from.map(Status::as_str).into(),
            transition.to.as_str().into(),
            transition.cause.map(Cause::as_str).into(),
            // Postgres has no NUL in texts.
            transition
                .output
                .as_deref()
                .map(|text| text.replace('\0', " "))
                .as_deref()
                .into(),
            transition.duration.map(micros).into(),
            failures.into(),
            micros(transition.lateness).into(),
        ])
    });
    changes.collect()
}

/// Inserts rows, several with each statement.
async fn insert(
    session: &mut Session,
    into: &str,
    rows: Vec<Vec<Value>>,
    then: &str,
) -> Result<(), RecorderError> {
    let mut rows = rows.into_iter().peekable();
    while let Some(width) = rows.peek().map(Vec::len) {
        let chunk: Vec<_> = rows.by_ref().take(ROWS).collect();
        let sql = format!(
            "INSERT INTO {into} VALUES {} {then}",
            places(chunk.len(), width)
        );
        session
            .execute(sql, chunk.into_iter().flatten().collect())
            .await?;
    }
    Ok(())
}

/// Returns `($1, $2), ($3, $4)` for two rows of two.
fn places(rows: usize, width: usize) -> String {
    let mut places = String::new();
    for row in 0..rows {
        places.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..width {
            let comma = if column == 0 { "" } else { ", " };
            let _ = write!(places, "{comma}${}", row * width + column + 1);
        }
        places.push(')');
    }
    places
}
