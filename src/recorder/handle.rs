//! The handle of the application.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::error::Kind;
use super::{Archive, RecordedRuns, RecordedTransition, RecorderError, RecorderStats, Selection};

/// Writes the history of a [`Health`](crate::Health) into a database, and reads it.
///
/// It is a handle: the recorder goes on without it, and ends with the health, after a last write. It
/// does not keep the health alive.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use tower_health::recorder::Recorder;
/// use tower_health::{Health, RunOutcome, indicator_fn};
///
/// # #[cfg(feature = "recorder-sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("health.db");
/// let health = Health::builder()
///     .readiness(indicator_fn("db", async || Ok::<_, std::io::Error>(())))
///     .start()?;
/// let recorder = Recorder::sqlite(path).service("shop").start(&health)?;
///
/// health.await_ready().await?;
/// recorder.flush().await?; // the database works
///
/// let now = SystemTime::now();
/// let minutes = recorder.history(now - Duration::from_secs(600)..now, "db").await?;
/// assert_eq!(minutes[0].bucket().runs(RunOutcome::Pass), 1);
///
/// recorder.finish().await?; // the last write before the process ends
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "recorder-sqlite"))]
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct Recorder {
    requests: mpsc::Sender<Request>,
    shared: Arc<Shared>,
    archive: Archive,
    service: String,
    flush_timeout: Duration,
}

/// What a handle asks the task for.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) kind: RequestKind,
    pub(super) done: oneshot::Sender<Result<(), RecorderError>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestKind {
    Flush,
    Finish,
}

/// What the task and its handles tell one another.
#[derive(Debug, Default)]
pub(super) struct Shared {
    stats: Mutex<RecorderStats>,
    /// Since when it is to finish.
    finishing: OnceLock<Instant>,
}

impl Shared {
    pub(super) fn stats(&self) -> RecorderStats {
        self.stats
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn set_stats(&self, stats: RecorderStats) {
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner) = stats;
    }

    pub(super) fn finishing_since(&self) -> Option<Instant> {
        self.finishing.get().copied()
    }

    /// Notes that the recorder is to finish, and returns since when.
    pub(super) fn finish_since(&self, asked: Instant) -> Instant {
        *self.finishing.get_or_init(|| asked)
    }
}

type Answer = oneshot::Receiver<Result<(), RecorderError>>;

fn ended() -> RecorderError {
    RecorderError::new(Kind::Ended, "the recorder has ended")
}

impl Recorder {
    pub(super) fn new(
        requests: mpsc::Sender<Request>,
        shared: Arc<Shared>,
        archive: Archive,
        service: String,
        flush_timeout: Duration,
    ) -> Self {
        Self {
            requests,
            shared,
            archive,
            service,
            flush_timeout,
        }
    }

    /// Returns how the recorder is doing.
    pub fn stats(&self) -> RecorderStats {
        self.shared.stats()
    }

    /// Writes what has happened up to now, and waits until it is written.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be written. The recorder tries again by itself.
    ///
    /// # Cancel safety
    ///
    /// The write continues if the future is dropped.
    pub async fn flush(&self) -> Result<(), RecorderError> {
        let answer = self.request(RequestKind::Flush).await?;
        answer.await.map_err(|_| ended())?
    }

    /// Writes what has happened up to now, ends the recorder, and closes the database.
    ///
    /// Call it last in `main`: the end of the runtime would cut off the last write. It returns within
    /// the [flush timeout](super::RecorderBuilder::flush_timeout), 5 s by default, also if a write is
    /// under way that takes longer.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be written in time.
    ///
    /// # Cancel safety
    ///
    /// The recorder ends even if the future is dropped.
    pub async fn finish(&self) -> Result<(), RecorderError> {
        let asked = Instant::now();
        let finishing = async {
            let answer = self.request(RequestKind::Finish).await?;
            // Between two pieces of work the task looks for this.
            self.shared.finish_since(asked);
            answer.await.map_err(|_| ended())?
        };
        let finished = timeout_at(asked + self.flush_timeout, finishing).await;
        finished.unwrap_or_else(|_| Err(RecorderError::late()))
    }

    async fn request(&self, kind: RequestKind) -> Result<Answer, RecorderError> {
        let (done, answer) = oneshot::channel();
        let request = Request { kind, done };
        self.requests.send(request).await.map_err(|_| ended())?;
        Ok(answer)
    }

    /// Returns the recorded runs of this service within a range of time; see
    /// [`Archive::history`].
    ///
    /// The runs since the last write are missing, at most those of one
    /// [interval](super::RecorderBuilder::interval); [`Health::runs`](crate::Health::runs) has them.
    ///
    /// # Errors
    ///
    /// Returns an error in the cases of [`Archive::history`].
    pub async fn history(
        &self,
        range: Range<SystemTime>,
        selection: impl Into<Selection>,
    ) -> Result<Vec<RecordedRuns>, RecorderError> {
        self.archive
            .history(range, self.own(selection.into()))
            .await
    }

    /// Returns the recorded transitions of this service within a range of time, oldest first.
    ///
    /// # Errors
    ///
    /// Returns an error in the cases of [`Archive::history`].
    pub async fn transitions(
        &self,
        range: Range<SystemTime>,
        selection: impl Into<Selection>,
    ) -> Result<Vec<RecordedTransition>, RecorderError> {
        let selection = self.own(selection.into());
        self.archive.transitions(range, selection).await
    }

    /// Returns a reader of the same database.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    fn own(&self, mut selection: Selection) -> Selection {
        selection
            .service
            .get_or_insert_with(|| self.service.clone());
        selection
    }
}

/// Reads the history of the recorder's service.
impl From<&Recorder> for Archive {
    fn from(recorder: &Recorder) -> Self {
        recorder.archive.clone().service(&recorder.service)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("service", &self.service)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
