//! SQLite.

use std::io;

use sqlx::error::DatabaseError;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Error, Row, Sqlite, SqliteConnection, raw_sql};
use tokio::task::spawn_blocking;

use super::backend::{Asked, Backend, Seen};

impl Backend for Sqlite {
    fn place(options: &SqliteConnectOptions) -> String {
        options.get_filename().display().to_string()
    }

    /// A file that was removed stays readable for who has it open, and all that is written to it
    /// is lost.
    async fn look_outside(options: &SqliteConnectOptions) -> Result<(), String> {
        let file = options.get_filename().to_owned();
        if file.starts_with(":memory:") || file.to_string_lossy().starts_with("file:") {
            return Ok(());
        }
        let found = spawn_blocking(move || file.metadata().map(drop)).await;
        match found.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(()) => Ok(()),
            Err(error) => Err(format!("its file is gone: {error}")),
        }
    }

    async fn look(connection: &mut SqliteConnection, asked: &Asked) -> Result<Seen, Error> {
        // Reads the file, which `SELECT 1` does not.
        let row = raw_sql("PRAGMA user_version")
            .fetch_one(&mut *connection)
            .await?;
        if asked.read_write {
            // Takes the lock for writing, and writes what stands there; a lock alone is granted to
            // a connection that may only read.
            let version: i64 = row.try_get(0)?;
            let write = format!("BEGIN IMMEDIATE; PRAGMA user_version = {version}; ROLLBACK");
            raw_sql(AssertSqlSafe(write))
                .execute(&mut *connection)
                .await?;
        }
        if let Some(statement) = &asked.write_statement {
            let statement = AssertSqlSafe(statement.clone());
            raw_sql(statement).execute(&mut *connection).await?;
        }
        Ok(Seen::default())
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
