//! A file of SQLite.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Error, Executor, Row as _, TypeInfo,
    ValueRef, raw_sql,
};
use tokio::sync::oneshot;

use super::value::query;
use super::{Row, Value};

/// How long a statement waits for another process that writes.
const BUSY: Duration = Duration::from_secs(2);
/// The write-ahead log goes back to this size once it is written to the file.
const WAL_BYTES: u32 = 1 << 20;
/// Pages in the write-ahead log after which it is written to the file.
const WAL_PAGES: u32 = 250;

#[derive(Debug)]
pub(in crate::recorder) struct SqliteSession {
    connection: SqliteConnection,
    path: PathBuf,
    /// Which file it is; `None` where the system does not tell.
    file: Option<FileId>,
}

type FileId = (u64, u64);

impl SqliteSession {
    /// Opens the file, and makes it if it is missing.
    pub(super) async fn open(path: &Path) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .busy_timeout(BUSY)
            // Each commit is in the log and safe from a crash of the process; only a crash of the
            // system can take the last ones.
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            // So that the file can give back the pages that are no longer used.
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .pragma("journal_size_limit", WAL_BYTES.to_string())
            .pragma("wal_autocheckpoint", WAL_PAGES.to_string());
        Self::connect(path, options).await
    }

    /// Opens the file to read from it only.
    pub(super) async fn open_to_read(path: &Path) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(BUSY);
        Self::connect(path, options).await
    }

    async fn connect(path: &Path, options: SqliteConnectOptions) -> Result<Self, Error> {
        let options = options
            .thread_name(|_| "health-history".to_owned())
            .disable_statement_logging();
        let connection = options.connect().await?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            file: file_id(path).await,
        })
    }

    /// Returns whether the file is still the one that was opened. SQLite goes on writing to a file
    /// that was deleted, where nobody finds it.
    pub(super) async fn is_current(&self) -> bool {
        self.file.is_none() || file_id(&self.path).await == self.file
    }

    pub(super) async fn execute(&mut self, sql: String, values: Vec<Value>) -> Result<u64, Error> {
        let done = query!(sql, values).execute(&mut self.connection).await?;
        Ok(done.rows_affected())
    }

    pub(super) async fn fetch(
        &mut self,
        sql: String,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, Error> {
        let rows = query!(sql, values).fetch_all(&mut self.connection).await?;
        rows.iter().map(decode).collect()
    }

    pub(super) async fn script(&mut self, sql: String) -> Result<(), Error> {
        let script = raw_sql(AssertSqlSafe(sql));
        self.connection.execute(script).await.map(drop)
    }

    pub(super) async fn close(self) {
        let _ = self.connection.close().await;
    }
}

fn decode(row: &SqliteRow) -> Result<Row, Error> {
    let columns = row.columns().iter().map(|column| {
        let raw = row.try_get_raw(column.ordinal())?;
        if raw.is_null() {
            return Ok(Value::Int(None));
        }
        match raw.type_info().name() {
            "TEXT" => Ok(Value::Text(row.try_get(column.ordinal())?)),
            _ => Ok(Value::Int(row.try_get(column.ordinal())?)),
        }
    });
    columns.collect::<Result<_, _>>().map(Row)
}

/// Asks the system in a thread of its own, since one on a mount that hangs never answers: a thread
/// that polls tasks would poll none any more, and the runtime waits for its other threads at its end.
async fn file_id(path: &Path) -> Option<FileId> {
    let path = path.to_owned();
    let (answer, id) = oneshot::channel();
    let thread = thread::Builder::new().name("health-history".to_owned());
    let asking = thread.spawn(move || {
        let _ = answer.send(ask_file_id(&path));
    });
    asking.ok()?;
    id.await.ok().flatten()
}

#[cfg(unix)]
fn ask_file_id(path: &Path) -> Option<FileId> {
    #[cfg(test)]
    tests::note_asker(path);
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn ask_file_id(_: &Path) -> Option<FileId> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::sync::{Mutex, PoisonError};
    use std::thread::ThreadId;

    use super::*;

    static ASKERS: Mutex<Vec<(PathBuf, ThreadId)>> = Mutex::new(Vec::new());

    pub(super) fn note_asker(path: &Path) {
        let asker = (path.to_owned(), thread::current().id());
        let mut askers = ASKERS.lock().unwrap_or_else(PoisonError::into_inner);
        askers.push(asker);
    }

    #[tokio::test]
    async fn a_thread_of_the_runtime_never_waits_for_the_file_system() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("health.db");
        let session = SqliteSession::open(&path).await.unwrap();
        assert!(session.is_current().await);
        std::fs::remove_file(&path).unwrap();
        assert!(!session.is_current().await);
        let askers = ASKERS.lock().unwrap().clone();
        let askers: Vec<_> = askers.iter().filter(|(asked, _)| *asked == path).collect();
        assert_eq!(askers.len(), 3);
        // The runtime of this test has one thread.
        let of_runtime = thread::current().id();
        assert!(askers.iter().all(|(_, asker)| *asker != of_runtime));
    }
}
