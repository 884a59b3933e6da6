//! The schema: migrations that are part of the binary.
//!
//! Each is applied once, however many processes start at the same time: Postgres holds an advisory
//! lock, and beside a file of SQLite there is a file that is locked. One that fails leaves nothing
//! behind, since each runs in a transaction.

mod list;
mod lock;
mod outage;
mod progress;

use std::time::Duration;

use sqlx::migrate::{Migrate, MigrateError, Migration, Migrator};
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::time::{sleep, timeout};

use self::list::{POSTGRES, SQLITE, migrator};
use self::lock::SqliteLock;
use self::outage::{is_missing_table, is_passing};
use self::progress::{Progress, Stage};
use crate::Error;
use crate::database::Target;
use crate::monitoring;

/// How long to wait before the next attempt to reach a database that is down.
const RETRY: Duration = Duration::from_millis(500);

/// How long the database may take for an answer that needs no work. One that takes connections and
/// never answers is tried again.
const ANSWER: Duration = Duration::from_secs(5);

/// Without it, Postgres would finish a statement whose client is gone, and keep the lock until then.
/// Its versions before 14 have no such setting, and some of its systems refuse it.
const NOTICE_THE_END: &str = "SELECT set_config(name, '1s', false) FROM pg_settings \
    WHERE name = 'client_connection_check_interval'";

/// How to bring the database to the schema of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Apply what is missing.
    Apply,
    /// Wait until somebody else has.
    Await,
}

/// Returns when the database has the schema, with the number of migrations that this applied.
///
/// A database that cannot be reached is tried again until the time is up.
///
/// # Errors
///
/// Returns an error if a migration fails, if one that was applied is not the one of this binary, or
/// if the time is up.
pub(crate) async fn run(target: &Target, way: Way, within: Duration) -> Result<usize, Error> {
    monitoring::traced("migrations", bring_within(target, way, within)).await
}

async fn bring_within(target: &Target, way: Way, within: Duration) -> Result<usize, Error> {
    let progress = Progress::new();
    let work = async {
        loop {
            match attempt(target, way, &progress).await {
                Ok(Some(applied)) => return Ok(applied),
                Ok(None) => progress.enter(Stage::Waiting),
                Err(error) if is_passing(&error) => {
                    let text = tower_health::redact_credentials(&error.to_string());
                    if progress.fail(text.clone()) {
                        tracing::warn!(error = text, "cannot reach the database, trying again");
                    }
                }
                Err(error) => return Err(Error::from(error)),
            }
            sleep(RETRY).await;
        }
    };
    let result = timeout(within, work).await;
    result.unwrap_or_else(|_| {
        let within = humantime::format_duration(within);
        Err(format!("no schema within {within}: {progress}").into())
    })
}

/// Returns `None` if migrations are missing that this may not apply.
async fn attempt(
    target: &Target,
    way: Way,
    progress: &Progress,
) -> Result<Option<usize>, MigrateError> {
    // A connection of its own: an attempt that breaks off leaves the lock to its end.
    match target {
        Target::Sqlite(options) => {
            progress.enter(Stage::Locking);
            let lock = SqliteLock::take(options.get_filename()).await?;
            let mut connection = options.connect().await?;
            let result = bring(&mut connection, &migrator(SQLITE), way, progress).await;
            let closed = connection.close().await;
            drop(lock);
            closed?;
            result
        }
        Target::Postgres(options) => {
            progress.enter(Stage::Connecting);
            let mut connection = answered(async {
                let mut connection: PgConnection = options.connect().await?;
                // What went wrong, the next statement meets as well.
                let _ = sqlx::query(NOTICE_THE_END).execute(&mut connection).await;
                Ok(connection)
            })
            .await?;
            let result = bring(&mut connection, &migrator(POSTGRES), way, progress).await;
            // The lock ends with the connection. What went wrong says more than the close.
            let _ = timeout(ANSWER, connection.close()).await;
            result
        }
    }
}

async fn bring<C: Migrate>(
    connection: &mut C,
    migrator: &Migrator,
    way: Way,
    progress: &Progress,
) -> Result<Option<usize>, MigrateError> {
    let table = &*migrator.table_name;
    if way == Way::Await {
        progress.enter(Stage::Reading);
        return match answered(missing(connection, migrator)).await {
            Ok(missing) => Ok(missing.is_empty().then_some(0)),
            Err(error) if is_missing_table(&error) => Ok(None),
            Err(error) => Err(error),
        };
    }
    progress.enter(Stage::Locking);
    connection.lock().await?;
    progress.enter(Stage::Reading);
    connection.ensure_migrations_table(table).await?;
    let missing = missing(connection, migrator).await?;
    for migration in &missing {
        let Migration {
            version,
            description,
            ..
        } = migration;
        tracing::info!(version, %description, "applying a migration");
        progress.enter(Stage::Applying(*version));
        connection.apply(table, migration).await?;
    }
    connection.unlock().await?;
    Ok(Some(missing.len()))
}

/// Gives up after [`ANSWER`], as an outage.
async fn answered<T>(
    answer: impl Future<Output = Result<T, MigrateError>>,
) -> Result<T, MigrateError> {
    let answered = timeout(ANSWER, answer).await;
    answered.unwrap_or_else(|_| {
        let text = format!("no answer within {}", humantime::format_duration(ANSWER));
        let error = std::io::Error::new(std::io::ErrorKind::TimedOut, text);
        Err(sqlx::Error::Io(error).into())
    })
}

/// Those that are not applied. One that this binary does not know is no fault: a release is rolled
/// back while its migrations stay.
async fn missing<'a, C: Migrate>(
    connection: &mut C,
    migrator: &'a Migrator,
) -> Result<Vec<&'a Migration>, MigrateError> {
    let applied = connection
        .list_applied_migrations(&migrator.table_name)
        .await?;
    let mut missing = Vec::new();
    for migration in migrator.iter() {
        let found = applied
            .iter()
            .find(|applied| applied.version == migration.version);
        match found {
            None => missing.push(migration),
            Some(applied) if applied.checksum != migration.checksum => {
                return Err(MigrateError::VersionMismatch(migration.version));
            }
            Some(_) => {}
        }
    }
    Ok(missing)
}
