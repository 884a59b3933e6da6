//! Postgres behind a pool of bb8.

mod pool;

use std::sync::atomic::AtomicBool;

use bb8_postgres::PostgresConnectionManager;
use bb8_postgres::bb8::{ManageConnection, Pool};
use bb8_postgres::tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use bb8_postgres::tokio_postgres::{Client, Config, Error, Socket};

pub use self::pool::Bb8PostgresPool;
use crate::indicators::pool::PoolIndicator;
use crate::indicators::postgres::tokio_postgres::message;

/// Checks a Postgres database on a connection of the application's own pool of bb8 0.9 and
/// bb8-postgres 0.9.
///
/// ```
/// use std::time::Duration;
///
/// use bb8_postgres::PostgresConnectionManager;
/// use bb8_postgres::bb8::Pool;
/// use bb8_postgres::tokio_postgres::{Config, NoTls};
/// use tower_health::indicators::Bb8PostgresIndicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config: Config = "host=db user=app dbname=orders".parse()?;
/// let manager = PostgresConnectionManager::new(config.clone(), NoTls);
/// let pool = Pool::builder()
///     .connection_timeout(Duration::from_secs(5))
///     .build_unchecked(manager);
/// let db = Bb8PostgresIndicator::new("db", pool.clone(), &config, NoTls).read_write();
/// let builder = tower_health::Health::builder().readiness(db);
/// # let _ = builder;
/// # Ok(())
/// # }
/// ```
///
/// It is a [`PoolIndicator`], whose page has more on each of the following.
///
/// # What it sends
///
/// `SELECT 1` in each run, on a connection of the pool. By default bb8 adds an empty query before, so
/// 500 instances send 200 queries a second at the default TTL. A run opens a connection beside the
/// pool only if the pool gives none, or no answer, in half of the time.
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
/// # What bb8 cannot do
///
/// bb8 does not close an idle connection that is silent when it tests it: the caller waits for the
/// `connection_timeout` of the pool, 30 s by default, and the connection stays. While a pool of bb8
/// has only such connections, the application gets none, and this check fails. Set
/// `tcp_user_timeout` of the `Config`, so that the system ends them, or
/// [`test_on_check_out(false)`](bb8_postgres::bb8::Builder::test_on_check_out): then this check
/// finds and closes them.
///
/// Nor can a caller end a connection of bb8 that waits for an answer: its task and its socket stay
/// until the server answers or TCP gives up, as those of an application do that drops a query. So
/// after this check has given up one, it first asks for an answer beside the pool: it leaves at most
/// one for each time that the server falls silent.
pub type Bb8PostgresIndicator<T> = PoolIndicator<Bb8PostgresPool<T>>;

/// For pools of bb8-postgres.
impl<T> PoolIndicator<Bb8PostgresPool<T>>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    T::Stream: Send + 'static,
    T::TlsConnect: Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    PostgresConnectionManager<T>: ManageConnection<Connection = Client, Error = Error>,
{
    /// Creates an indicator for the database behind this pool.
    ///
    /// `config` and `tls` are those of the pool's manager, which does not expose them. The connection
    /// beside the pool and the texts of failures need them.
    pub fn new(
        name: impl Into<String>,
        pool: Pool<PostgresConnectionManager<T>>,
        config: &Config,
        tls: T,
    ) -> Self {
        let address = message::address(config).unwrap_or_else(|| "Postgres".to_owned());
        let pool = Bb8PostgresPool {
            pool,
            direct: pool::direct(config.clone(), tls),
            address,
            is_in_doubt: AtomicBool::new(false),
        };
        Self::over(name, pool)
    }
}
