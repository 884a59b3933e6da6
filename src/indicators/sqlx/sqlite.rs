//! SQLite.

use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::error::DatabaseError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Error, Row, Sqlite, SqliteConnection, raw_sql};

use super::backend::Backend;
use crate::indicators::pool::{DatabaseQueries, DatabaseState, PoolFault};
use crate::indicators::shared::blocking::BlockingSlot;

/// The file of a database. Reading it may hang on a network file system.
#[derive(Debug, Default)]
pub struct File {
    slot: BlockingSlot,
    /// Whether the file ever existed. A pool that has not connected yet may have to create it.
    has_existed: AtomicBool,
}

impl Backend for Sqlite {
    type Storage = File;

    fn address(options: &SqliteConnectOptions) -> String {
        options.get_filename().display().to_string()
    }

    /// A removed file stays usable for a process that has it open, but everything written to it is
    /// lost. So is one that something else has replaced, such as a directory.
    async fn check_storage(storage: &File, options: &SqliteConnectOptions) -> Result<(), String> {
        let file = options.get_filename().to_owned();
        if is_a_uri(&file) {
            return Ok(());
        }
        let found = storage.slot.run(move || file.metadata()).await;
        match found.and_then(|found| found) {
            Ok(found) if !found.is_file() => Err("it is not a file".to_owned()),
            Ok(_) => {
                storage.has_existed.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    && !storage.has_existed.load(Ordering::Relaxed) =>
            {
                Ok(())
            }
            Err(error) => Err(format!("its file is gone: {error}")),
        }
    }

    fn is_lost_when_closed(storage: &File, options: &SqliteConnectOptions) -> bool {
        let file = options.get_filename();
        match is_a_uri(file) {
            true => is_a_uri_of_memory(file),
            false => !storage.has_existed.load(Ordering::Relaxed),
        }
    }

    const FALLS_SILENT: bool = false;

    async fn query(
        connection: &mut SqliteConnection,
        queries: &DatabaseQueries,
    ) -> Result<DatabaseState, Error> {
        let before = bound_locks(connection, queries).await?;
        let state = match look(connection, queries).await {
            Ok(state) => Ok(state),
            Err(error) => Err(roll_back(connection, error).await),
        };
        set_busy_timeout(connection, before).await?;
        state
    }

    async fn write(
        connection: &mut SqliteConnection,
        statement: &str,
        queries: &DatabaseQueries,
    ) -> Result<(), Error> {
        let before = bound_locks(connection, queries).await?;
        let written = match execute(connection, statement.to_owned()).await {
            Ok(()) => Ok(()),
            Err(error) => Err(roll_back(connection, error).await),
        };
        set_busy_timeout(connection, before).await?;
        written
    }

    fn fault(_: &dyn DatabaseError) -> PoolFault {
        PoolFault::Refused
    }

    /// The codes are those of the [manual](https://www.sqlite.org/rescode.html), extended or not.
    fn meaning(error: &dyn DatabaseError) -> Option<&'static str> {
        let code: u32 = error.code()?.parse().ok()?;
        Some(match code & 0xff {
            5 | 6 => "another connection holds the lock",
            8 => "the file or its directory is read-only",
            10 => "the disk or its file system fails",
            11 | 26 => "the file is not a database, or it is damaged",
            13 => "the disk is full",
            14 => "the file cannot be opened",
            _ => return None,
        })
    }
}

/// A lock fails a statement before the run times out, and no thread keeps waiting. Returns the
/// timeout of before.
async fn bound_locks(
    connection: &mut SqliteConnection,
    queries: &DatabaseQueries,
) -> Result<i64, Error> {
    let before: i64 = fetch(connection, "PRAGMA busy_timeout").await?.try_get(0)?;
    let most = i64::try_from(queries.patience().as_millis()).unwrap_or(i64::MAX);
    set_busy_timeout(connection, before.min(most)).await?;
    Ok(before)
}

async fn roll_back(connection: &mut SqliteConnection, error: Error) -> Error {
    // Fails if there is no transaction, which is the usual case.
    let _ = execute(connection, "ROLLBACK".to_owned()).await;
    error
}

async fn look(
    connection: &mut SqliteConnection,
    queries: &DatabaseQueries,
) -> Result<DatabaseState, Error> {
    let state = DatabaseState::answers();
    // Reads the file, unlike `SELECT 1`.
    let version: i64 = fetch(connection, "PRAGMA user_version").await?.try_get(0)?;
    if queries.read_write() {
        let row = fetch(
            connection,
            "SELECT coalesce(file, '') = '', (SELECT query_only FROM pragma_query_only) \
             FROM pragma_database_list WHERE name = 'main'",
        )
        .await?;
        let (in_memory, query_only): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
        if query_only {
            return Ok(state.read_only("query_only is set"));
        }
        if !in_memory {
            // Takes the write lock and writes the current version. The lock alone would not do: even a
            // connection that can only read gets it.
            let write = format!("BEGIN IMMEDIATE; PRAGMA user_version = {version}; ROLLBACK");
            execute(connection, write).await?;
        }
    }
    Ok(state)
}

async fn set_busy_timeout(connection: &mut SqliteConnection, most: i64) -> Result<(), Error> {
    execute(connection, format!("PRAGMA busy_timeout = {most}")).await
}

fn fetch<'a>(
    connection: &'a mut SqliteConnection,
    query: &'static str,
) -> impl Future<Output = Result<SqliteRow, Error>> + Send + 'a {
    raw_sql(query).fetch_one(connection)
}

async fn execute(connection: &mut SqliteConnection, statement: String) -> Result<(), Error> {
    let done = raw_sql(AssertSqlSafe(statement)).execute(connection).await;
    done.map(drop)
}

/// Whether this is a [URI](https://www.sqlite.org/uri.html) or a
/// [name](https://www.sqlite.org/inmemorydb.html) of a database without a file.
fn is_a_uri(file: &Path) -> bool {
    let file = file.to_string_lossy();
    file.is_empty() || file.starts_with(":memory:") || file.starts_with("file:")
}

fn is_a_uri_of_memory(file: &Path) -> bool {
    let file = file.to_string_lossy();
    // sqlx replaces `sqlite::memory:` by the last name.
    !file.starts_with("file:")
        || file.contains(":memory:")
        || file.contains("mode=memory")
        || file.starts_with("file:sqlx-in-memory-")
}
