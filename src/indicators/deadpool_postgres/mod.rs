//! Postgres behind a pool of deadpool-postgres.

mod pool;

use deadpool_postgres::tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use deadpool_postgres::tokio_postgres::{Config, Socket};
use deadpool_postgres::{Manager, Pool};

pub use self::pool::DeadpoolPostgresPool;
use crate::indicators::pool::PoolIndicator;
use crate::indicators::postgres::tokio_postgres::message;

/// Checks a Postgres database on a connection of the application's own `deadpool-postgres` 0.14
/// pool.
///
/// ```
/// use deadpool_postgres::tokio_postgres::{Config, NoTls};
/// use deadpool_postgres::{Manager, Pool};
/// use tower_health::indicators::DeadpoolPostgresIndicator;
///
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let config: Config = "host=db user=app dbname=orders".parse()?;
/// let pool = Pool::builder(Manager::new(config.clone(), NoTls)).build()?;
/// let db = DeadpoolPostgresIndicator::new("db", pool.clone(), &config, NoTls).read_write();
/// let builder = tower_health::Health::builder().readiness(db);
/// # let _ = builder;
/// # Ok(())
/// # }
/// # run().unwrap();
/// ```
///
/// It is a [`PoolIndicator`], whose page has more on each of the following.
///
/// # What it sends
///
/// `SELECT 1` in each run, on a connection of the pool: for 500 instances 100 a second at the default
/// TTL. A run opens a connection beside the pool only if the pool gives none, or no answer, in half of
/// the time.
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
/// pooler, whether the server is down or busy; a read-only server, without
/// [`read_write`](Self::read_write).
///
/// # Defaults
///
/// Those of a [`PoolIndicator`]: timeout 2 s, or 15 s behind a pooler, TTL 5 s, critical,
/// `componentType` datastore; readings `responseTime`, `connections`, `idleConnections`,
/// `utilization`.
///
/// # Settings of the pool that matter
///
/// By default deadpool waits without a limit: set the `wait`, `create` and `recycle` timeouts of the
/// pool. Its default [recycling method](deadpool_postgres::RecyclingMethod) does not notice a
/// connection that is silent.
pub type DeadpoolPostgresIndicator = PoolIndicator<DeadpoolPostgresPool>;

/// For pools of deadpool-postgres.
impl PoolIndicator<DeadpoolPostgresPool> {
    /// Creates an indicator for the database behind this pool.
    ///
    /// `config` and `tls` are those of the pool's manager, which does not expose them. The connection
    /// beside the pool and the texts of failures need them. `start()` reports a `config` without a
    /// host.
    pub fn new<T>(name: impl Into<String>, pool: Pool, config: &Config, tls: T) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Sync + Send + 'static,
        T::Stream: Sync + Send,
        T::TlsConnect: Sync + Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let address = message::address(config);
        let direct = match address {
            Some(_) => Pool::builder(Manager::new(config.clone(), tls))
                .max_size(1)
                .build()
                .map_err(|error| format!("config cannot be used: {error}")),
            None => Err("config names no host".to_owned()),
        };
        let pool = DeadpoolPostgresPool {
            pool,
            direct,
            address: address.unwrap_or_default(),
        };
        Self::over(name, pool)
    }
}
