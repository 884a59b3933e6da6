//! SQLite.

use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Error, Row, Sqlite, SqliteConnection, raw_sql};

use super::backend::Backend;
use crate::indicators::shared::blocking::BlockingSlot;
use crate::indicators::shared::database::{Asked, Seen};

/// Its file, which is looked for by a thread that may hang on a network's file system.
#[derive(Debug, Default)]
pub struct File {
    thread: BlockingSlot,
    /// Whether it was ever there. A pool that has not connected yet may have to create it.
    was_seen: AtomicBool,
}

impl Backend for Sqlite {
    type Outside = File;

    fn place(options: &SqliteConnectOptions) -> String {
        options.get_filename().display().to_string()
    }

    /// A file that was removed stays readable for who has it open, and all that is written to it
    /// is lost.
    async fn look_outside(outside: &File, options: &SqliteConnectOptions) -> Result<(), String> {
        let file = options.get_filename().to_owned();
        if is_a_uri(&file) {
            return Ok(());
        }
        let found = outside.thread.run(move || file.metadata().map(drop)).await;
        match found.and_then(|found| found) {
            Ok(()) => {
                outside.was_seen.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    && !outside.was_seen.load(Ordering::Relaxed) =>
            {
                Ok(())
            }
            Err(error) => Err(format!("its file is gone: {error}")),
        }
    }

    fn is_lost_when_closed(outside: &File, options: &SqliteConnectOptions) -> bool {
        let file = options.get_filename();
        match is_a_uri(file) {
            true => is_a_uri_of_memory(file),
            false => !outside.was_seen.load(Ordering::Relaxed),
        }
    }

    async fn look(
        connection: &mut SqliteConnection,
        asked: &Asked,
        patience: Duration,
    ) -> Result<Seen, Error> {
        // The words "database is locked" are better than none. Nor does a thread wait on.
        let before: i64 = fetch(connection, "PRAGMA busy_timeout").await?.try_get(0)?;
        let most = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
        set_busy_timeout(connection, before.min(most)).await?;
        let seen = ask(connection, asked).await;
        if seen.is_err() {
            // Fails if there is no transaction, as it should be.
            let _ = execute(connection, "ROLLBACK".to_owned()).await;
        }
        set_busy_timeout(connection, before).await?;
        seen
    }

    /// The codes are those of the [manual](https://www.sqlite.org/rescode.html), extended or not.
    fn meaning(error: &dyn DatabaseError) -> Option<&'static str> {
        let code: u32 = error.code()?.parse().ok()?;
        Some(match code & 0xff {
            5 | 6 => "another connection holds the lock",
            8 => "the file or its directory is read-only",
            10 => "the disk or its file system fails",
            11 | 26 => "the file is no database, or it is damaged",
            13 => "the disk is full",
            14 => "the file cannot be opened",
            _ => return None,
        })
    }
}

async fn ask(connection: &mut SqliteConnection, asked: &Asked) -> Result<Seen, Error> {
    let mut seen = Seen::default();
    // Reads the file, which `SELECT 1` does not.
    let version: i64 = fetch(connection, "PRAGMA user_version").await?.try_get(0)?;
    if asked.read_write {
        let row = fetch(
            connection,
            "SELECT coalesce(file, '') = '', (SELECT query_only FROM pragma_query_only) \
             FROM pragma_database_list WHERE name = 'main'",
        )
        .await?;
        let (in_memory, query_only): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
        if query_only {
            seen.read_only = Some("query_only is set");
        } else if !in_memory {
            // Takes the lock for writing, and writes what stands there; a lock alone is granted to
            // a connection that may only read.
            let write = format!("BEGIN IMMEDIATE; PRAGMA user_version = {version}; ROLLBACK");
            execute(connection, write).await?;
        }
    }
    if let Some(statement) = &asked.write_statement {
        execute(connection, statement.clone()).await?;
    }
    Ok(seen)
}

async fn set_busy_timeout(connection: &mut SqliteConnection, most: i64) -> Result<(), Error> {
    execute(connection, format!("PRAGMA busy_timeout = {most}")).await
}

fn fetch<'a>(
    connection: &'a mut SqliteConnection,
    question: &'static str,
) -> impl Future<Output = Result<SqliteRow, Error>> + Send + 'a {
    raw_sql(question).fetch_one(connection)
}

async fn execute(connection: &mut SqliteConnection, statement: String) -> Result<(), Error> {
    let done = raw_sql(AssertSqlSafe(statement)).execute(connection).await;
    done.map(drop)
}

/// A [URI](https://www.sqlite.org/uri.html), or one of the
/// [names](https://www.sqlite.org/inmemorydb.html) of what has no file.
fn is_a_uri(file: &Path) -> bool {
    let file = file.to_string_lossy();
    file.is_empty() || file.starts_with(":memory:") || file.starts_with("file:")
}

fn is_a_uri_of_memory(file: &Path) -> bool {
    let file = file.to_string_lossy();
    // The last is the name that sqlx gives to `sqlite::memory:`.
    !file.starts_with("file:")
        || file.contains(":memory:")
        || file.contains("mode=memory")
        || file.starts_with("file:sqlx-in-memory-")
}
