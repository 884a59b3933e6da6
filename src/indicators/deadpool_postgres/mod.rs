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
/// It is a [`PoolIndicator`], whose page says what it sends, what each verdict takes, what it cannot
/// see, and the defaults. The request is `SELECT 1`.
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
