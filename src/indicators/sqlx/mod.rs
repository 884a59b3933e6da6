//! A database behind a pool of sqlx.

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
use crate::indicators::shared::database::Asked;
use crate::indicators::shared::pool::ExhaustedPool;
use crate::{CheckResult, ComponentType, HealthIndicator};

/// A database of sqlx that can be looked at: `Postgres`, `MySql` and `Sqlite`, each behind its
/// feature.
pub trait SqlxDatabase: Backend {}

impl<DB: Backend> SqlxDatabase for DB {}

/// Asks a database on a connection of the application's own sqlx pool.
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
/// A run takes a connection from the pool, sends `SELECT 1` (SQLite: reads the header of the file)
/// and gives the connection back; sqlx adds a ping before and after, unless told otherwise. A run
/// that fails, or is aborted, closes its connection, for there may be an answer under way. A pool
/// with `min_connections` replaces it, in a task of sqlx.
///
/// For SQLite a run also looks whether the file is still there. A database in memory is gone with
/// its last connection, so that those are given back in any case. sqlx itself closes one when an
/// `acquire` is dropped while it tests it, whoever's it is: a pool of such a database should set
/// [`test_before_acquire(false)`](sqlx::pool::PoolOptions::test_before_acquire).
///
/// # When the pool gives none
///
/// The application may hold all connections, or the database may be down: sqlx says
/// "pool timed out" to both. After 45 % of its timeout the run therefore tries a connection of its
/// own, with the options of the pool, and asks on that. If there is no answer the check fails with
/// the reason. If there is, the database is well, and:
///
/// - a pool whose connections are all in use [warns](ExhaustedPool);
/// - a pool that has a place is asked once more. It warns if it now gives a connection, as after an
///   idle one that was dead, and fails if it does not, as when `after_connect` fails each time: the
///   application gets none either.
///
/// # Defaults
///
/// Timeout 2 s, TTL 5 s, critical, `componentType` datastore. Readings: `responseTime` in `ms`,
/// `connections` (open) and `idleConnections` (idle), and `utilization`, the share of the allowed
/// connections that the application had in use when the run began, in `percent`.
///
/// The timeout should be set [here](Self::timeout) rather than at the [`Check`](crate::Check): a
/// run divides its time so that the failure says what had no answer.
#[must_use = "an indicator does nothing until it is registered"]
pub struct SqlxIndicator<DB: SqlxDatabase> {
    name: String,
    pool: Pool<DB>,
    timeout: Duration,
    asked: Asked,
    exhausted_pool: ExhaustedPool,
    outside: DB::Outside,
}

impl<DB: SqlxDatabase> SqlxIndicator<DB> {
    /// Looks at the database behind this pool.
    pub fn new(name: impl Into<String>, pool: Pool<DB>) -> Self {
        Self {
            name: name.into(),
            pool,
            timeout: budget::TIMEOUT,
            asked: Asked::default(),
            exhausted_pool: ExhaustedPool::default(),
            outside: DB::Outside::default(),
        }
    }

    /// How long a run may take; by default 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What an exhausted pool means while the database answers; by default it warns.
    pub fn exhausted_pool(mut self, means: ExhaustedPool) -> Self {
        self.exhausted_pool = means;
        self
    }

    /// Fails, too, when the database takes no writes.
    ///
    /// Postgres is asked whether it is in recovery or its transactions are read-only, MySQL and
    /// MariaDB for `read_only` and `innodb_read_only`. A file of SQLite is locked for writing, the
    /// version number that it has is written, and rolled back; a lock of others that outlasts the
    /// run fails it. None of this finds a full disk: for that, give a
    /// [`write_statement`](Self::write_statement).
    pub fn read_write(mut self) -> Self {
        self.asked.read_write = true;
        self
    }

    /// Runs this statement of yours each time, and fails when it does.
    ///
    /// The only way to know that a write would succeed is to write, and a full disk shows only in a
    /// statement that needs room: an `INSERT` and a `DELETE` of what is old, rather than an
    /// `UPDATE` in place. It should touch little.
    ///
    /// When it meets a lock it fails before the run is out of time, and the server gives it up:
    /// Postgres by `lock_timeout` and `statement_timeout`, MySQL and MariaDB by their lock wait
    /// timeouts, in whole seconds, SQLite by its busy timeout. Each of them is set for the
    /// statement alone. On Postgres it is part of a transaction. It does not run on the connection
    /// that tells an exhausted pool from a database that is down.
    pub fn write_statement(mut self, statement: impl Into<String>) -> Self {
        self.asked.write_statement = Some(statement.into());
        self
    }

    fn place(&self) -> String {
        DB::place(&self.pool.connect_options())
    }
}

#[cfg(feature = "sqlx-postgres")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlx-postgres")))]
impl SqlxIndicator<sqlx::Postgres> {
    /// Fails, too, when a standby is behind its primary by more than this.
    ///
    /// That is the age of the last transaction that it replayed, or nothing while it streams and
    /// has replayed all that it received. A network that fell silent is noticed when Postgres
    /// notices it, after its `wal_receiver_timeout`. Reading: `replicationLag`, in `s`.
    pub fn max_lag(mut self, max_lag: Duration) -> Self {
        self.asked.max_lag = Some(max_lag);
        self
    }
}

#[cfg(feature = "sqlx-mysql")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlx-mysql")))]
impl SqlxIndicator<sqlx::MySql> {
    /// Fails, too, when a replica is behind its primary by more than this, or does not replicate.
    ///
    /// That is `Seconds_Behind_Source` (or `_Master`) of `SHOW REPLICA STATUS`, the greatest if
    /// there are several, in whole seconds; nothing on a server that is no replica. The user needs
    /// `REPLICATION CLIENT`, on MariaDB `REPLICA MONITOR`. Reading: `replicationLag`, in `s`.
    pub fn max_lag(mut self, max_lag: Duration) -> Self {
        self.asked.max_lag = Some(max_lag);
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
            .field("place", &self.place())
            .finish_non_exhaustive()
    }
}
