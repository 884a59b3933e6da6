//! A database behind a pool of sqlx: Postgres, MySQL and MariaDB, SQLite.

mod backend;
mod connection_guard;
#[cfg(feature = "sqlx-mysql")]
mod mysql;
#[cfg(feature = "sqlx-postgres")]
mod postgres;
mod run;
#[cfg(feature = "sqlx-sqlite")]
mod sqlite;

use std::fmt;
use std::time::Duration;

use sqlx::Pool;

use self::backend::Backend;
use crate::indicators::shared::budget;
use crate::indicators::shared::database::QueryOptions;
use crate::indicators::shared::pool::ExhaustedPool;
use crate::{CheckResult, ComponentType, HealthIndicator};

/// A database of sqlx that [`SqlxIndicator`] can check: `Postgres`, `MySql` and `Sqlite`, each behind
/// its feature.
pub trait SqlxDatabase: Backend {}

impl<DB: Backend> SqlxDatabase for DB {}

/// Checks a database on a connection of the application's own sqlx 0.9 pool.
///
/// ```no_run
/// use sqlx::PgPool;
/// use tower_health::Health;
/// use tower_health::indicators::SqlxIndicator;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = PgPool::connect_lazy("postgres://app@db/orders")?;
/// let health = Health::builder()
///     .readiness(SqlxIndicator::new("db", pool.clone()).read_write())
///     .start()?;
/// # Ok(())
/// # }
/// ```
///
/// A run takes a connection from the pool, sends `SELECT 1` (for SQLite it reads the header of the
/// file) and returns the connection. By default sqlx adds a ping before and after. A run that fails
/// or is aborted closes its connection, because an answer may still be pending. A pool with
/// `min_connections` replaces it, in a task of sqlx.
///
/// For SQLite a run also checks that the file still exists and that nothing else, such as a
/// directory, has its name. A database in memory disappears with its last connection, so a run
/// always returns such a connection to the pool. But sqlx itself closes a connection when an
/// `acquire` is dropped while sqlx tests that connection: for a database in memory set
/// [`test_before_acquire(false)`](sqlx::pool::PoolOptions::test_before_acquire).
///
/// # When the pool gives no connection
///
/// Either the application holds all connections, or the database is down; sqlx reports "pool timed
/// out" in both cases. To tell these apart, the run opens a connection of its own after 45 % of its
/// timeout, with the options of the pool. If that gets no answer, the check fails with the reason. If
/// it does, the database works, and:
///
/// - a pool whose connections are all in use [warns](ExhaustedPool);
/// - a pool with room gets a second attempt. If it now gives a connection, the check warns: an idle
///   connection may have been dead. If it does not, the check fails, because the application gets no
///   connection either: `after_connect` may fail.
///
/// # Defaults
///
/// Timeout 2 s, TTL 5 s, critical, `componentType` datastore. Readings: `responseTime` in `ms`,
/// `connections` (open) and `idleConnections` (idle), and `utilization`, the share of the allowed
/// connections that the application had in use when the run began, in `percent`.
///
/// Set the timeout [here](Self::timeout) rather than on the [`Check`](crate::Check): a run divides
/// its time among its steps, so that the failure names the step that got no answer.
#[must_use = "an indicator does nothing until it is registered"]
pub struct SqlxIndicator<DB: SqlxDatabase> {
    name: String,
    pool: Pool<DB>,
    timeout: Duration,
    query: QueryOptions,
    exhausted_pool: ExhaustedPool,
    storage: DB::Storage,
}

impl<DB: SqlxDatabase> SqlxIndicator<DB> {
    /// Creates an indicator for the database behind this pool.
    pub fn new(name: impl Into<String>, pool: Pool<DB>) -> Self {
        Self {
            name: name.into(),
            pool,
            timeout: budget::TIMEOUT,
            query: QueryOptions::default(),
            exhausted_pool: ExhaustedPool::default(),
            storage: DB::Storage::default(),
        }
    }

    /// Sets how long a run may take. Default: 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets whether an exhausted pool warns or fails while the database answers. Default: it warns.
    pub fn exhausted_pool(mut self, exhausted_pool: ExhaustedPool) -> Self {
        self.exhausted_pool = exhausted_pool;
        self
    }

    /// Also fails when the database accepts no writes.
    ///
    /// On Postgres the run queries whether the server is in recovery or its transactions are
    /// read-only, on MySQL and MariaDB `read_only` and `innodb_read_only`. On SQLite it locks the
    /// file for writing, writes the version number that the file already has and rolls back; a lock
    /// that another connection holds for longer than the run makes it fail. None of this detects a
    /// full disk: use a [`write_statement`](Self::write_statement) for that.
    pub fn read_write(mut self) -> Self {
        self.query.read_write = true;
        self
    }

    /// Also runs this statement, and fails if it fails.
    ///
    /// Only a write can show that writes succeed, and only a statement that needs space can show a
    /// full disk: an `INSERT` and a `DELETE` of old rows rather than an `UPDATE` in place. Keep it
    /// small.
    ///
    /// A statement that waits for a lock fails, and ends on the server, before the run times out:
    /// through `lock_timeout` and `statement_timeout` on Postgres, the lock wait timeouts in whole
    /// seconds on MySQL and MariaDB, and the busy timeout of SQLite. Each is set for this statement
    /// only. On Postgres the statement runs in a transaction. It does not run on the connection
    /// outside the pool.
    pub fn write_statement(mut self, statement: impl Into<String>) -> Self {
        self.query.write_statement = Some(statement.into());
        self
    }

    fn address(&self) -> String {
        DB::address(&self.pool.connect_options())
    }
}

#[cfg(feature = "sqlx-postgres")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlx-postgres")))]
impl SqlxIndicator<sqlx::Postgres> {
    /// Also fails while a standby is behind its primary by more than this.
    ///
    /// The lag is the age of the last replayed transaction, or zero while the standby streams and
    /// has replayed everything it received. A broken network counts only when Postgres notices it,
    /// after `wal_receiver_timeout`. Reading: `replicationLag`, in `s`.
    pub fn max_lag(mut self, max_lag: Duration) -> Self {
        self.query.max_lag = Some(max_lag);
        self
    }
}

#[cfg(feature = "sqlx-mysql")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlx-mysql")))]
impl SqlxIndicator<sqlx::MySql> {
    /// Also fails while a replica is behind its primary by more than this, or does not replicate.
    ///
    /// The lag is `Seconds_Behind_Source` (or `_Master`) of `SHOW REPLICA STATUS`, the highest if
    /// there are several, in whole seconds. It is zero on a server that is not a replica. The user
    /// needs the privilege `REPLICATION CLIENT`, on MariaDB `REPLICA MONITOR`. Reading:
    /// `replicationLag`, in `s`.
    pub fn max_lag(mut self, max_lag: Duration) -> Self {
        self.query.max_lag = Some(max_lag);
        self
    }
}

impl<DB: SqlxDatabase> HealthIndicator for SqlxIndicator<DB> {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        self.run().await
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }

    fn ttl(&self) -> Option<Duration> {
        Some(budget::TTL)
    }

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::Datastore)
    }
}

impl<DB: SqlxDatabase> fmt::Debug for SqlxIndicator<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlxIndicator")
            .field("name", &self.name)
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}
