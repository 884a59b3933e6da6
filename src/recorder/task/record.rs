//! Brings the database up to date with the memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::{Settings, log};
use crate::recorder::book::{Batch, Book};
use crate::recorder::clock::TrustedClock;
use crate::recorder::columns::seconds;
use crate::recorder::database::{Database, Place, Session};
use crate::recorder::error::Kind;
use crate::recorder::handle::Shared;
use crate::recorder::tidy::{Budget, Pass, Tidied};
use crate::recorder::write::{Writer, Written};
use crate::recorder::{RecorderError, RecorderStats, Retention};
use crate::{Health, HistoryReader};

/// The time between two passes that tidy up, of all processes together.
const TIDY_EVERY: i64 = 10 * 60;
/// How many transactions one pass has.
const TIDY_TRANSACTIONS: usize = 32;
/// The pause after a pass that failed.
const TIDY_AGAIN: Duration = Duration::from_secs(60);
/// After how many failures in a row there is a line in the log: one alone may be another process
/// that was in the way.
const TIDY_FAILURES: u32 = 3;
/// How many batches one write has, should the memory grow as fast as it is written.
const BATCHES: usize = 1_000;

pub(super) struct Recording {
    history: HistoryReader,
    book: Book,
    writer: Writer,
    database: Database,
    /// Which database was written to.
    identity: Option<i64>,
    started: SystemTime,
    retention: Retention,
    clock: Arc<Mutex<TrustedClock>>,
    /// When to look whether there is something to tidy up.
    next_tidy: Option<Instant>,
    has_tidied: bool,
    /// In a row.
    tidy_failures: u32,
    timeout: Duration,
    stats: RecorderStats,
    shared: Arc<Shared>,
}

/// What came of a piece of work.
enum Outcome<T> {
    Done(T),
    /// The database is another one than before.
    Another(i64),
}

impl Recording {
    pub(super) fn new(
        health: &Health,
        place: Place,
        settings: Settings,
        shared: Arc<Shared>,
    ) -> Self {
        let mut book = Book::new(health.config().limits.history_per_check);
        let history = health.history_reader();
        // From now on, what leaves the memory unwritten is counted.
        book.read(&history);
        Self {
            history,
            book,
            writer: Writer::new(settings.names),
            database: Database::new(place, settings.purpose, settings.timeout),
            identity: None,
            started: health.snapshot().started(),
            retention: settings.retention,
            clock: Arc::default(),
            next_tidy: None,
            has_tidied: false,
            tidy_failures: 0,
            timeout: settings.timeout,
            stats: RecorderStats::default(),
            shared,
        }
    }

    /// Writes what is new, and tidies up if it is time. Stops between two pieces of work once the
    /// recorder is to finish.
    pub(super) async fn record(&mut self) -> Result<(), RecorderError> {
        let shared = Arc::clone(&self.shared);
        let recorded = self.write_all(|| shared.finishing_since().is_some()).await;
        if recorded.as_ref().is_err_and(RecorderError::is_ended) {
            return recorded;
        }
        self.note(&recorded);
        let is_time = self.next_tidy.is_none_or(|next| Instant::now() >= next);
        if recorded.is_ok() && is_time && shared.finishing_since().is_none() {
            self.tidy(self.timeout / 2).await;
        }
        recorded
    }

    /// Writes what is new, before the end.
    pub(super) async fn record_last(&mut self) -> Result<(), RecorderError> {
        let recorded = self.write_all(|| false).await;
        self.note(&recorded);
        recorded
    }

    /// Tidies up within this time, if this process has not looked yet whether it should: some live so
    /// briefly that nobody else would.
    pub(super) async fn tidy_last(&mut self, time: Duration) {
        if !self.has_tidied {
            self.tidy(time.min(self.timeout / 2)).await;
        }
    }

    pub(super) async fn close(&mut self) {
        self.database.close().await;
    }

    async fn write_all(&mut self, must_stop: impl Fn() -> bool) -> Result<(), RecorderError> {
        self.book.read(&self.history);
        for _ in 0..BATCHES {
            if must_stop() {
                return Err(RecorderError::new(
                    Kind::Ended,
                    "the recorder is about to end",
                ));
            }
            let batch = self.book.next_batch();
            self.write(batch).await?;
            if self.book.next_batch().is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Writes a batch. An empty one tells others that this process is alive.
    async fn write(&mut self, batch: Batch) -> Result<(), RecorderError> {
        let Some(process) = batch.process else {
            return self.register(batch.incarnation).await;
        };
        let batch = Arc::new(batch);
        let committing = Arc::new(AtomicBool::new(false));
        let written = self.write_as(process, &batch, &committing).await;
        match written {
            Ok(Outcome::Done((writer, Written::All { too_late }))) => {
                self.writer = writer;
                self.book.written(&batch);
                self.stats.written_minutes += batch.minutes.len() as u64 - too_late;
                self.stats.written_transitions += batch.changes.len() as u64;
                self.stats.late_minutes += too_late;
            }
            Ok(Outcome::Done((_, Written::Closed))) => self.book.closed(batch.incarnation),
            Ok(Outcome::Another(identity)) => self.begin_anew(identity),
            Err(error) => {
                self.writer.forget();
                if committing.load(Ordering::Relaxed) {
                    self.book.in_doubt(&batch);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    async fn write_as(
        &mut self,
        process: i64,
        batch: &Arc<Batch>,
        committing: &Arc<AtomicBool>,
    ) -> Result<Outcome<(Writer, Written)>, RecorderError> {
        let (mut writer, batch) = (self.writer.clone(), Arc::clone(batch));
        let (committing, known) = (Arc::clone(committing), self.identity);
        let written = self.database.run(move |mut session| async move {
            if let Some(other) = other_identity(&session, known) {
                return Ok((session, other));
            }
            let times = [session.now().await?, seconds(SystemTime::now())];
            let written = writer
                .write(&mut session, process, &batch, times, &committing)
                .await?;
            Ok((session, Outcome::Done((writer, written))))
        });
        written.await
    }

    async fn register(&mut self, incarnation: u32) -> Result<(), RecorderError> {
        let (writer, started, known) = (self.writer.clone(), self.started, self.identity);
        let registered = self.database.run(move |mut session| async move {
            if let Some(other) = other_identity(&session, known) {
                return Ok((session, other));
            }
            let now = session.now().await?;
            let process = writer.register(&mut session, started, now).await?;
            let identity = session.identity;
            Ok((session, Outcome::Done((identity, process))))
        });
        match registered.await? {
            Outcome::Done((identity, process)) => {
                self.identity = Some(identity);
                self.book.registered(incarnation, process);
            }
            Outcome::Another(identity) => self.begin_anew(identity),
        }
        Ok(())
    }

    /// Writes all that is in memory into another database, such as a file in the place of one that
    /// was deleted.
    fn begin_anew(&mut self, identity: i64) {
        self.identity = Some(identity);
        self.writer.forget();
        self.book.database_is_new();
        self.book.read(&self.history);
        self.next_tidy = None;
        self.clock = Arc::default();
    }

    /// Tidies up within about this time. What is written stays written, whatever becomes of that.
    async fn tidy(&mut self, time: Duration) {
        self.has_tidied = true;
        let (retention, clock) = (self.retention, Arc::clone(&self.clock));
        let tidied = self.database.run(move |mut session| async move {
            let budget = Budget::new(TIDY_TRANSACTIONS, time);
            let tidied = tidy(&mut session, &retention, &clock, budget).await?;
            Ok((session, tidied))
        });
        let tidied = tidied.await;
        let pause = match &tidied {
            Ok(Tidied::All) => Some(Duration::from_secs(TIDY_EVERY as u64 / 2)),
            Ok(Tidied::Part) => None,
            Err(_) => Some(TIDY_AGAIN),
        };
        self.next_tidy = pause.map(|pause| Instant::now() + pause);
        let error = tidied.err();
        self.tidy_failures = error.as_ref().map_or(0, |_| self.tidy_failures + 1);
        if let Some(error) = error
            .as_ref()
            .filter(|_| self.tidy_failures == TIDY_FAILURES)
        {
            log::untidy(error);
        }
        self.stats.tidying_error = error.map(|error| error.to_string());
        self.shared.set_stats(self.stats.clone());
    }

    /// Notes how it went, with a line in the log if that is new.
    fn note(&mut self, recorded: &Result<(), RecorderError>) {
        let before = self.stats.clone();
        let stats = &mut self.stats;
        stats.lost_minutes = self.book.lost.minutes;
        stats.lost_transitions = self.book.lost.transitions;
        match recorded {
            Ok(()) => {
                stats.last_written = Some(SystemTime::now());
                stats.failing_since = None;
                stats.error = None;
            }
            Err(error) => {
                stats.failures += 1;
                stats.failing_since.get_or_insert_with(SystemTime::now);
                stats.error = Some(error.to_string());
            }
        }
        self.shared.set_stats(self.stats.clone());
        match recorded {
            Ok(()) if before.failing_since.is_some() => log::recovered(&before, &self.stats),
            Err(error) if before.failing_since.is_none() => log::failing(error),
            _ => {}
        }
    }
}

fn other_identity<T>(session: &Session, known: Option<i64>) -> Option<Outcome<T>> {
    let is_other = known.is_some_and(|known| known != session.identity);
    is_other.then_some(Outcome::Another(session.identity))
}

/// Tidies up, if no process did so lately and the clock can be believed.
async fn tidy(
    session: &mut Session,
    retention: &Retention,
    clock: &Mutex<TrustedClock>,
    budget: Budget,
) -> Result<Tidied, RecorderError> {
    let now = session.now().await?;
    let tidied = "SELECT tidied FROM tower_health_schema";
    let tidied = session.fetch_one(tidied, Vec::new()).await?;
    let tidied = tidied.and_then(|row| row.int(0)).unwrap_or(0);
    let is_lately = (tidied - TIDY_EVERY..tidied + TIDY_EVERY).contains(&now);
    if is_lately {
        return Ok(Tidied::All);
    }
    let witness =
        "SELECT seen FROM tower_health_processes WHERE seen <= $1 ORDER BY id DESC LIMIT 1";
    let until = TrustedClock::witnessed_until(now);
    let witness = session.fetch_one(witness, vec![until.into()]).await?;
    let witness = witness.and_then(|row| row.int(0));
    let is_believed = {
        let mut clock = clock.lock().unwrap_or_else(PoisonError::into_inner);
        clock.believes(tidied, witness, now, Instant::now())
    };
    if !is_believed {
        return Ok(Tidied::All);
    }
    let tidied = Pass::new(session, retention, now, budget).run().await?;
    session.give_back_space().await?;
    Ok(tidied)
}
