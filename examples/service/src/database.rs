//! The database: SQLite in a file, or Postgres.

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{Executor, PgPool, SqlitePool};

use crate::Error;
use crate::config;

/// How long the end of the process waits for queries that still run.
const CLOSING: Duration = Duration::from_millis(500);

/// How long Postgres may take for a statement of the service, in milliseconds. Migrations, which have
/// connections of their own, may take longer. It is no parameter of the connection: poolers such as
/// PgBouncer refuse those that they do not know.
const LIMIT: &str = "SET statement_timeout = 10000";

/// The pool of the service. It connects when it is first used, so that the service starts, and
/// reports what is wrong, while its database is down.
#[derive(Clone)]
pub(crate) enum Database {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Where the database is and how it is reached, for connections beside the pool.
#[derive(Clone)]
pub(crate) enum Target {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

impl Target {
    /// # Errors
    ///
    /// Returns an error without the URL, which holds a password.
    pub(crate) fn new(settings: &config::Database) -> Result<Self, Error> {
        let url = settings.url.expose().unwrap_or_default();
        let invalid = |error: sqlx::Error| format!("database.url: {error}");
        match url.split(':').next() {
            Some("sqlite") if url.contains(":memory:") || url.contains("mode=memory") => {
                Err("database.url: each connection would have a database of its own".into())
            }
            Some("sqlite") => {
                let options: SqliteConnectOptions = url.parse().map_err(invalid)?;
                let options = options
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal) // readers and a writer at once
                    .busy_timeout(settings.acquire_timeout);
                Ok(Self::Sqlite(Box::new(options)))
            }
            Some("postgres" | "postgresql") => {
                let options: PgConnectOptions = url.parse().map_err(invalid)?;
                Ok(Self::Postgres(Box::new(secured(options, settings))))
            }
            _ => Err("database.url must begin with postgres: or sqlite:".into()),
        }
    }
}

/// Never below what the settings ask for; the URL may ask for more (`?sslmode=verify-full`).
fn secured(mut options: PgConnectOptions, settings: &config::Database) -> PgConnectOptions {
    options = options.application_name(env!("CARGO_BIN_NAME"));
    if let Some(password) = settings.password.expose() {
        options = options.password(password);
    }
    if let Some(file) = config::path(&settings.root_certificate) {
        options = options.ssl_root_cert(file);
    }
    let asked = if !settings.root_certificate.is_empty() {
        PgSslMode::VerifyFull
    } else if settings.require_ssl {
        PgSslMode::Require
    } else {
        PgSslMode::Disable
    };
    let rank = |mode: PgSslMode| match mode {
        PgSslMode::Disable => 0,
        PgSslMode::Allow => 1,
        PgSslMode::Prefer => 2,
        PgSslMode::Require => 3,
        PgSslMode::VerifyCa => 4,
        PgSslMode::VerifyFull => 5,
    };
    let mode = options.get_ssl_mode();
    if rank(asked) > rank(mode) {
        options = options.ssl_mode(asked);
    }
    options
}

impl Database {
    /// Prepares the pool without a connection.
    pub(crate) fn open(target: &Target, settings: &config::Database) -> Result<Self, Error> {
        Ok(match target {
            Target::Sqlite(options) => {
                create_directory(options.get_filename())?;
                let pool = SqlitePoolOptions::new()
                    .max_connections(settings.max_connections)
                    .acquire_timeout(settings.acquire_timeout);
                Self::Sqlite(pool.connect_lazy_with((**options).clone()))
            }
            Target::Postgres(options) => {
                let pool = PgPoolOptions::new()
                    .max_connections(settings.max_connections)
                    .acquire_timeout(settings.acquire_timeout)
                    .after_connect(|connection, _| {
                        Box::pin(async { connection.execute(LIMIT).await.map(drop) })
                    });
                Self::Postgres(pool.connect_lazy_with((**options).clone()))
            }
        })
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    pub(crate) async fn close(&self) {
        let closed = async {
            match self {
                Self::Sqlite(pool) => pool.close().await,
                Self::Postgres(pool) => pool.close().await,
            }
        };
        // A query that does not end must not hold up the end of the process.
        let _ = tokio::time::timeout(CLOSING, closed).await;
    }
}

pub(crate) fn create_directory(file: &Path) -> Result<(), Error> {
    let Some(directory) = file.parent().filter(|parent| *parent != Path::new("")) else {
        return Ok(());
    };
    std::fs::create_dir_all(directory)
        .map_err(|error| format!("cannot create {}: {error}", directory.display()).into())
}
