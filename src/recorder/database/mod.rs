//! The database: one piece of work at a time, each within a bound, and never a second one beside one
//! that hangs.

#[cfg(feature = "recorder-postgres")]
mod postgres;
mod schema;
mod session;
#[cfg(feature = "recorder-sqlite")]
mod sqlite;
mod value;

use std::future::Future;
#[cfg(feature = "recorder-sqlite")]
use std::path::PathBuf;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::timeout;

#[cfg(feature = "recorder-postgres")]
use self::postgres::PostgresSession;
#[cfg(feature = "recorder-postgres")]
pub(super) use self::postgres::PostgresSource;
#[cfg(feature = "recorder-postgres")]
pub use self::schema::POSTGRES_SCHEMA;
#[cfg(feature = "recorder-sqlite")]
pub use self::schema::SQLITE_SCHEMA;
use self::session::SessionKind;
pub(super) use self::session::{Dialect, Session};
#[cfg(feature = "recorder-sqlite")]
use self::sqlite::SqliteSession;
pub(super) use self::value::{Row, Value};
use super::RecorderError;

/// Where the history is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    #[cfg(feature = "recorder-sqlite")]
    Sqlite(PathBuf),
    #[cfg(feature = "recorder-postgres")]
    Postgres(PostgresSource),
}

/// What a session is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To write, with a schema that is made or migrated.
    Migrate,
    /// To write, with a schema that must be there.
    Write,
    /// To read, within a transaction.
    Read,
}

impl Place {
    pub(super) async fn open(
        &self,
        purpose: Purpose,
        timeout: Duration,
    ) -> Result<Session, RecorderError> {
        let kind = match self {
            #[cfg(feature = "recorder-sqlite")]
            Self::Sqlite(path) if purpose == Purpose::Read => {
                SessionKind::Sqlite(SqliteSession::open_to_read(path).await?)
            }
            #[cfg(feature = "recorder-sqlite")]
            Self::Sqlite(path) => SessionKind::Sqlite(SqliteSession::open(path).await?),
            #[cfg(feature = "recorder-postgres")]
            Self::Postgres(source) => SessionKind::Postgres(PostgresSession::open(source).await?),
        };
        let mut session = Session {
            kind,
            identity: 0,
            timeout,
        };
        if purpose == Purpose::Read {
            session.begin_to_read().await?;
        }
        session.identity = schema::prepare(&mut session, purpose).await?;
        Ok(session)
    }

    /// Whether work that is dropped ends. SQLite works in a thread, which nothing can end.
    fn is_abortable(&self) -> bool {
        match self {
            #[cfg(feature = "recorder-sqlite")]
            Self::Sqlite(_) => false,
            #[cfg(feature = "recorder-postgres")]
            Self::Postgres(_) => true,
        }
    }
}

type Work<T> = JoinHandle<Result<(Option<Session>, T), RecorderError>>;

/// Does one piece of work after the other, each in a task with a timeout.
#[derive(Debug)]
pub(super) struct Database {
    place: Place,
    purpose: Purpose,
    timeout: Duration,
    /// `Some` between two pieces of work, if the last one went well.
    session: Option<Session>,
    /// Work that did not end within its timeout.
    hung: Option<AbortHandle>,
}

impl Database {
    pub(super) fn new(place: Place, purpose: Purpose, timeout: Duration) -> Self {
        Self {
            place,
            purpose,
            timeout,
            session: None,
            hung: None,
        }
    }

    /// Does this work with a session, which it returns if it can go on being used.
    ///
    /// # Errors
    ///
    /// Returns an error if the work fails or exceeds the timeout, and as long as earlier work hangs.
    pub(super) async fn run<T, W, F>(&mut self, work: W) -> Result<T, RecorderError>
    where
        T: Send + 'static,
        W: FnOnce(Session) -> F + Send + 'static,
        F: Future<Output = Result<(Session, T), RecorderError>> + Send + 'static,
    {
        if self.hung.as_ref().is_some_and(|hung| !hung.is_finished()) {
            let text = "the database has still not done what it was asked to earlier";
            return Err(RecorderError::unavailable(text));
        }
        self.hung = None;
        let (place, purpose, limit) = (self.place.clone(), self.purpose, self.timeout);
        let rested = self.session.take();
        let mut task: Work<T> = tokio::spawn(async move {
            let session = match usable(rested).await {
                Some(session) => session,
                None => place.open(purpose, limit).await?,
            };
            let (session, done) = work(session).await?;
            Ok((rest(session).await, done))
        });
        // Nobody else would end a question to a server that hangs, if its own asker is gone.
        let _until_dropped = AbortOnDrop(
            (purpose == Purpose::Read && self.place.is_abortable()).then(|| task.abort_handle()),
        );
        match timeout(self.timeout, &mut task).await {
            Ok(Ok(Ok((session, done)))) => {
                self.session = session;
                Ok(done)
            }
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(error)) => Err(RecorderError::unavailable(error)),
            Err(_) => {
                if self.place.is_abortable() {
                    task.abort();
                }
                self.hung = Some(task.abort_handle());
                let text = format!("the database does not answer within {:?}", self.timeout);
                Err(RecorderError::unavailable(text))
            }
        }
    }

    /// Closes the connection, within the timeout.
    pub(super) async fn close(&mut self) {
        if let Some(session) = self.session.take() {
            let _ = timeout(self.timeout, tokio::spawn(session.close())).await;
        }
    }
}

/// Ends a task with the future that waits for it.
struct AbortOnDrop(Option<AbortHandle>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// Returns the session if it still works.
async fn usable(rested: Option<Session>) -> Option<Session> {
    let mut session = rested?;
    if session.still_works().await {
        return Some(session);
    }
    // Its last act may be to delete files beside the database, so it comes before another opens it.
    session.close().await;
    None
}

/// Returns the session if it can be kept until there is more to do.
async fn rest(session: Session) -> Option<Session> {
    let kind = match session.kind {
        #[cfg(feature = "recorder-sqlite")]
        SessionKind::Sqlite(session) => Some(SessionKind::Sqlite(session)),
        #[cfg(feature = "recorder-postgres")]
        SessionKind::Postgres(kept) => kept.rest().await.map(SessionKind::Postgres),
    };
    let kind = kind?;
    Some(Session { kind, ..session })
}
