//! Writes, rolls up and deletes at simulated times, for the tests of this crate.

#[cfg(feature = "recorder-sqlite")]
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use super::book::{Batch, Change};
use super::columns::seconds;
#[cfg(feature = "recorder-postgres")]
use super::database::PostgresSource;
use super::database::{Database, Place, Purpose};
use super::names::Names;
use super::tidy::{Budget, Pass, Tidied};
use super::write::{Writer, Written};
use super::{RecorderError, Retention};
use crate::{RunBucket, Status, Subject, Transition};

/// One process that writes, without a health.
#[derive(Debug)]
pub struct Simulation {
    database: Database,
    writer: Writer,
    process: i64,
    retention: Retention,
}

impl Simulation {
    /// Registers a process in a file of SQLite.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails, as every method does.
    #[cfg(feature = "recorder-sqlite")]
    pub async fn sqlite(
        path: &Path,
        names: [&str; 2],
        now: SystemTime,
    ) -> Result<Self, RecorderError> {
        Self::at(Place::Sqlite(path.to_owned()), names, now).await
    }

    /// Registers a process in a database of Postgres.
    #[cfg(feature = "recorder-postgres")]
    pub async fn postgres(
        pool: sqlx::PgPool,
        names: [&str; 2],
        now: SystemTime,
    ) -> Result<Self, RecorderError> {
        let source = PostgresSource::Pool(pool);
        Self::at(Place::Postgres(source), names, now).await
    }

    async fn at(place: Place, names: [&str; 2], now: SystemTime) -> Result<Self, RecorderError> {
        let [service, instance] = names.map(str::to_owned);
        let writer = Writer::new(Names { service, instance });
        let mut database = Database::new(place, Purpose::Migrate, Duration::from_secs(60));
        let registering = writer.clone();
        let registered = database.run(move |mut session| async move {
            let process = registering
                .register(&mut session, now, seconds(now))
                .await?;
            Ok((session, process))
        });
        Ok(Self {
            process: registered.await?,
            database,
            writer,
            retention: Retention::default(),
        })
    }

    /// Sets how long what is kept.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Writes minutes, and returns how many were too late; `None` if the process is unknown by now.
    ///
    /// `now` is the clock of the database, and `wall` that of the process.
    pub async fn write(
        &mut self,
        minutes: Vec<(Subject, RunBucket)>,
        clocks: [SystemTime; 2],
    ) -> Result<Option<u64>, RecorderError> {
        let batch = Batch {
            minutes,
            ..Batch::default()
        };
        self.write_batch(batch, clocks).await
    }

    /// Writes transitions of a subject that fails and passes by turns, at these times.
    pub async fn flap(
        &mut self,
        subject: &Subject,
        times: impl IntoIterator<Item = SystemTime>,
        now: SystemTime,
    ) -> Result<(), RecorderError> {
        let changes = times.into_iter().zip(0..).map(|(time, ordinal)| {
            let turn = [Status::Pass, Status::Fail];
            let [from, to] = if ordinal % 2 == 0 {
                turn
            } else {
                [turn[1], turn[0]]
            };
            let transition = Transition {
                subject: subject.clone(),
                from: Some(from),
                to,
                output: None,
                cause: None,
                time,
                duration: None,
                consecutive_failures: 0,
                lateness: Duration::ZERO,
            };
            Change {
                ordinal,
                transition,
            }
        });
        let batch = Batch {
            changes: changes.collect(),
            ..Batch::default()
        };
        self.write_batch(batch, [now, now]).await.map(drop)
    }

    async fn write_batch(
        &mut self,
        batch: Batch,
        [now, wall]: [SystemTime; 2],
    ) -> Result<Option<u64>, RecorderError> {
        let batch = Arc::new(batch);
        let (mut writer, process) = (self.writer.clone(), self.process);
        let written = self.database.run(move |mut session| async move {
            let times = [now, wall].map(seconds);
            let committing = AtomicBool::new(false);
            let written = writer
                .write(&mut session, process, &batch, times, &committing)
                .await?;
            Ok((session, (writer, written)))
        });
        let (writer, written) = written.await?;
        self.writer = writer;
        Ok(match written {
            Written::All { too_late } => Some(too_late),
            Written::Closed => None,
        })
    }

    /// Tidies up all that is due, in passes of this many transactions. Returns how many there were.
    pub async fn tidy(&mut self, now: SystemTime, budget: usize) -> Result<usize, RecorderError> {
        self.tidy_within(now, budget, Duration::from_secs(60)).await
    }

    /// Tidies up all that is due, in passes of this many transactions and this time.
    pub async fn tidy_within(
        &mut self,
        now: SystemTime,
        budget: usize,
        time: Duration,
    ) -> Result<usize, RecorderError> {
        let mut passes = 1;
        while self.tidy_once(now, budget, time).await? == Tidied::Part {
            passes += 1;
        }
        Ok(passes)
    }

    async fn tidy_once(
        &mut self,
        now: SystemTime,
        budget: usize,
        time: Duration,
    ) -> Result<Tidied, RecorderError> {
        let retention = self.retention;
        let tidied = self.database.run(move |mut session| async move {
            let budget = Budget::new(budget, time);
            let pass = Pass::new(&mut session, &retention, seconds(now), budget);
            let tidied = pass.run().await?;
            session.give_back_space().await?;
            Ok((session, tidied))
        });
        tidied.await
    }
}
