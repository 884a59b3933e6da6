//! A database behind a pool of sqlx: Postgres, MySQL and MariaDB, SQLite.

mod backend;
#[cfg(feature = "sqlx-mysql")]
mod mysql;
mod pool;
#[cfg(feature = "sqlx-postgres")]
mod postgres;
#[cfg(feature = "sqlx-sqlite")]
mod sqlite;

use sqlx::Pool;

use self::backend::Backend;
pub use self::pool::SqlxPool;
use crate::indicators::pool::PoolIndicator;
#[cfg(any(feature = "sqlx-mysql", feature = "sqlx-postgres"))]
use crate::indicators::pool::ReplicatedPool;

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
/// It is a [`PoolIndicator`], whose page has more on each of the following.
///
/// # What it sends
///
/// One request in each run, on a connection of the pool: `SELECT 1`, or for SQLite the read of the
/// header of the file. By default sqlx adds a ping before and after. So 500 instances send 100
/// queries and 200 pings a second at the default TTL. A run opens a connection beside the pool only
/// if the pool gives none, or no answer, in half of the time. A pool with `min_connections` replaces
/// a connection that the run has closed, in a task of sqlx.
///
/// # Verdicts
///
/// As a [`PoolIndicator`]:
///
/// - **pass**: a connection of the pool answers.
/// - **warn**: another one answers, and the pool is exhausted, cannot grow, or had dead connections.
/// - **fail**: neither a connection of the pool nor one beside it answers, the server refuses, or the
///   pool gives no connection although it is not exhausted.
///
/// # What it cannot see
///
/// Whether the queries of the application succeed and how long they wait for a connection; behind a
/// pooler, whether the server is down or busy; a full or a read-only database, without
/// [`read_write`](Self::read_write) and [`write_statement`](Self::write_statement).
///
/// # Defaults
///
/// Those of a [`PoolIndicator`]: timeout 2 s, or 15 s behind a pooler, TTL 5 s, critical,
/// `componentType` datastore; readings `responseTime`, `connections`, `idleConnections`,
/// `utilization`.
///
/// # SQLite
///
/// A run also checks that the file still exists and that nothing else, such as a directory, has its
/// name. A database in memory disappears with its last connection, so a run always returns such a
/// connection to the pool. But sqlx itself closes a connection when an `acquire` is dropped while
/// sqlx tests that connection: for a database in memory set
/// [`test_before_acquire(false)`](sqlx::pool::PoolOptions::test_before_acquire).
pub type SqlxIndicator<DB> = PoolIndicator<SqlxPool<DB>>;

/// For pools of sqlx.
impl<DB: SqlxDatabase> PoolIndicator<SqlxPool<DB>> {
    /// Creates an indicator for the database behind this pool.
    pub fn new(name: impl Into<String>, pool: Pool<DB>) -> Self {
        Self::over(name, SqlxPool::new(pool)).with_queries()
    }

    /// Sets the parent from which this pool takes its places
    /// ([`PoolOptions::parent`](sqlx::pool::PoolOptions::parent)), which sqlx does not tell.
    ///
    /// A parent that is exhausted then counts as an exhausted pool. sqlx does not tell either how
    /// many places further children hold: a pool that gets none while its parent may be exhausted
    /// warns too, and hides a hook that fails.
    pub fn parent_pool(mut self, parent: Pool<DB>) -> Self {
        self.pool.parent = Some(parent);
        self
    }
}

#[cfg(feature = "sqlx-postgres")]
impl ReplicatedPool for SqlxPool<sqlx::Postgres> {}

#[cfg(feature = "sqlx-mysql")]
impl ReplicatedPool for SqlxPool<sqlx::MySql> {}
