//! Reads the history, also in a process that records none.

mod query;
mod rows;

use std::fmt;
use std::future::Future;
use std::ops::Range;
#[cfg(feature = "recorder-sqlite")]
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;

pub use self::rows::{RecordedRuns, RecordedTransition};
#[cfg(feature = "recorder-postgres")]
use super::database::PostgresSource;
use super::database::{Database, Place, Purpose, Session};
use super::{RecorderError, Resolution, Retention, Selection};

/// How many queries run at a time; others wait.
const CONCURRENT: usize = 4;
/// How long a query may take, and how long it may wait for its turn.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the history from a database, without writing to it.
///
/// Clones share a limit of four queries at a time. A query that takes longer than 5 s fails.
///
/// ```no_run
/// use std::time::{Duration, SystemTime};
/// use tower_health::recorder::Archive;
///
/// # #[cfg(feature = "recorder-sqlite")]
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let archive = Archive::sqlite("/var/lib/shop/health.db");
/// let now = SystemTime::now();
/// let hour = now - Duration::from_secs(60 * 60)..now;
///
/// for minute in archive.history(hour, "db").await? {
///     let p95 = minute.bucket().durations().quantile(0.95);
///     println!("{:?}: 95 % of the runs took at most {p95:?}", minute.bucket().start());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Archive {
    place: Place,
    retention: Retention,
    /// `Some` if queries that name no service mean this one.
    service: Option<String>,
    turns: Arc<Semaphore>,
}

impl Archive {
    /// Reads a file of SQLite that a recorder writes.
    #[cfg(feature = "recorder-sqlite")]
    #[cfg_attr(docsrs, doc(cfg(feature = "recorder-sqlite")))]
    pub fn sqlite(path: impl AsRef<Path>) -> Self {
        Self::at(Place::Sqlite(path.as_ref().to_owned()))
    }

    /// Reads a database of Postgres that a recorder writes.
    #[cfg(feature = "recorder-postgres")]
    #[cfg_attr(docsrs, doc(cfg(feature = "recorder-postgres")))]
    pub fn postgres(pool: sqlx::PgPool) -> Self {
        Self::at(Place::Postgres(PostgresSource::Pool(pool)))
    }

    pub(super) fn at(place: Place) -> Self {
        Self {
            place,
            retention: Retention::default(),
            service: None,
            turns: Arc::new(Semaphore::new(CONCURRENT)),
        }
    }

    /// Sets how long each resolution is kept, by which queries choose one. Default:
    /// [`Retention::default`].
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Reads the history of this service, unless a query names another. Default: of every service.
    #[must_use]
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// Returns the runs of checks within a range of time, by check and then by time.
    ///
    /// The resolution is the finest in which everything since the beginning of the range is kept:
    /// by default minutes for 48 h, hours for 31 days, and days for a year. Finer rows are summed up
    /// to it, and the first bucket begins at or before the range. A bucket without any run is left
    /// out.
    ///
    /// # Errors
    ///
    /// Returns an error if the database does not answer, has no history or one of a newer release,
    /// or if there are more than 100,000 buckets.
    pub async fn history(
        &self,
        range: Range<SystemTime>,
        selection: impl Into<Selection>,
    ) -> Result<Vec<RecordedRuns>, RecorderError> {
        let selection = self.own(selection.into());
        let finest = self.resolution_since(range.start);
        let resolution = selection.resolution.unwrap_or(finest);
        self.read(move |mut session| async move {
            let found = query::runs(&mut session, range, &selection, resolution).await?;
            Ok((session, found))
        })
        .await
    }

    /// Returns the transitions within a range of time, oldest first.
    ///
    /// # Errors
    ///
    /// Returns an error in the cases of [`history`](Self::history).
    pub async fn transitions(
        &self,
        range: Range<SystemTime>,
        selection: impl Into<Selection>,
    ) -> Result<Vec<RecordedTransition>, RecorderError> {
        let selection = self.own(selection.into());
        self.read(move |mut session| async move {
            let found = query::transitions(&mut session, range, &selection).await?;
            Ok((session, found))
        })
        .await
    }

    /// Returns the latest transitions within a range of time, oldest first, and whether there are
    /// more of them.
    #[cfg(feature = "management")]
    pub(crate) async fn latest_transitions(
        &self,
        range: Range<SystemTime>,
        selection: Selection,
        most: usize,
    ) -> Result<(Vec<RecordedTransition>, bool), RecorderError> {
        let selection = self.own(selection);
        self.read(move |mut session| async move {
            let found = query::latest_transitions(&mut session, range, &selection, most).await?;
            Ok((session, found))
        })
        .await
    }

    /// Returns the finest resolution in which everything since then is kept.
    pub(crate) fn resolution_since(&self, start: SystemTime) -> Resolution {
        let age = SystemTime::now().duration_since(start);
        self.retention.resolution_for(age.unwrap_or_default())
    }

    /// Returns whether it reads through a pool, whose connections belong to a runtime.
    #[cfg(feature = "management")]
    pub(crate) fn has_pool(&self) -> bool {
        match &self.place {
            #[cfg(feature = "recorder-sqlite")]
            Place::Sqlite(_) => false,
            #[cfg(feature = "recorder-postgres")]
            Place::Postgres(source) => matches!(source, PostgresSource::Pool(_)),
        }
    }

    fn own(&self, mut selection: Selection) -> Selection {
        if selection.service.is_none() {
            selection.service.clone_from(&self.service);
        }
        selection
    }

    async fn read<T, W, F>(&self, work: W) -> Result<T, RecorderError>
    where
        T: Send + 'static,
        W: FnOnce(Session) -> F + Send + 'static,
        F: Future<Output = Result<(Session, T), RecorderError>> + Send + 'static,
    {
        let turn = Arc::clone(&self.turns).acquire_owned();
        let busy = || RecorderError::unavailable("other queries take too long");
        let turn = tokio::time::timeout(TIMEOUT, turn).await;
        let turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        let mut database = Database::new(self.place.clone(), Purpose::Read, TIMEOUT);
        let read = database.run(move |session| async move {
            let (mut session, found) = work(session).await?;
            session.commit().await?;
            // Kept until the work has ended, also if it hangs and nobody waits for it.
            drop(turn);
            Ok((session, found))
        });
        let found = read.await;
        database.close().await;
        found
    }
}

/// Without the place, whose `Debug` shows the settings of connections.
impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive").finish_non_exhaustive()
    }
}
