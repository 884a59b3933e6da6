//! Postgres behind a pool of diesel-async.

mod message;
mod pool;

use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::Pool;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Socket};

pub use self::pool::DieselPostgresPool;
use crate::indicators::pool::PoolIndicator;
use crate::indicators::postgres::tokio_postgres::message as client;

/// Checks a Postgres database on a connection of the application's own pool of diesel-async 0.9 and
/// deadpool.
///
/// ```
/// use diesel_async::AsyncPgConnection;
/// use diesel_async::pooled_connection::AsyncDieselConnectionManager;
/// use diesel_async::pooled_connection::deadpool::Pool;
/// use tokio_postgres::{Config, NoTls};
/// use tower_health::indicators::DieselPostgresIndicator;
///
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let url = "postgres://app@db/orders";
/// let config: Config = url.parse()?;
/// let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(url);
/// let pool = Pool::builder(manager).build()?;
/// let db = DieselPostgresIndicator::new("db", pool.clone(), &config, NoTls).read_write();
/// let builder = tower_health::Health::builder().readiness(db);
/// # let _ = builder;
/// # Ok(())
/// # }
/// # run().unwrap();
/// ```
///
/// It is a [`PoolIndicator`], whose page has more on each of the following. The feature needs Rust
/// 1.86, as diesel does. For a pool of bb8 or mobc over diesel-async implement
/// [`ConnectionPool`](crate::indicators::ConnectionPool).
///
/// # What it sends
///
/// `SELECT 1` in each run, on a connection of the pool. By default diesel-async adds another before,
/// so 500 instances send 200 a second at the default TTL. A run opens a connection beside the pool
/// only if the pool gives none, or no answer, in half of the time, or reports an error. The queries of
/// [`read_write`](Self::read_write) and [`max_lag`](Self::max_lag) are prepared statements, as all of
/// diesel: a pooler before the server must support them.
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
/// # Errors without a code
///
/// diesel passes on the words of an error, but neither the code of the server nor why it could not
/// be reached. If the pool cannot open a connection, the run therefore opens one beside the pool,
/// through tokio-postgres: the verdict and the text follow what that is answered. So while a server
/// refuses connections, a run makes two attempts. If the one beside the pool is let in, the pool
/// tries again, twice at most, and its last error is reported in the words of diesel.
///
/// By default deadpool waits without a limit: set the `wait`, `create` and `recycle` timeouts of the
/// pool.
pub type DieselPostgresIndicator = PoolIndicator<DieselPostgresPool>;

/// For pools of diesel-async.
impl PoolIndicator<DieselPostgresPool> {
    /// Creates an indicator for the database behind this pool.
    ///
    /// `config` and `tls` say how the pool's manager connects, which does not expose it; a
    /// [`Config`] is parsed from the manager's URL. The connection beside the pool and the texts of
    /// failures need them. `start()` reports a `config` without a host.
    pub fn new<T>(
        name: impl Into<String>,
        pool: Pool<AsyncPgConnection>,
        config: &Config,
        tls: T,
    ) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Sync + Send + 'static,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let pool = DieselPostgresPool {
            pool,
            direct: pool::direct(config.clone(), tls),
            address: client::address(config),
        };
        Self::over(name, pool)
    }
}
