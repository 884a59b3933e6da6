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
use crate::indicators::pool::{PoolIndicator, ReplicatedPool};

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
/// It is a [`PoolIndicator`], whose page says what it sends, what each verdict takes, what it cannot
/// see, and the defaults. The request is `SELECT 1`; for SQLite it reads the header of the file. By
/// default sqlx adds a ping before and after. A pool with `min_connections` replaces a connection
/// that the run has closed, in a task of sqlx.
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
