//! The pool of the application, and the indicator that looks at it.

use std::time::Duration;

use deadpool_postgres::tokio_postgres::{Config, NoTls};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use tower_health::indicators::DeadpoolPostgresIndicator;

use crate::servers::postgres::{PASSWORD, Postgres};
use crate::support::watched::Watched;

/// Long for a server on the same machine, however busy it is, and short for a test.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) const SIZE: usize = 3;

/// How the application connects.
pub(crate) fn config(port: u16) -> Config {
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).dbname("orders");
    config.user("app").password(PASSWORD);
    config
}

pub(crate) fn pool(config: &Config) -> Pool {
    pool_with(config, RecyclingMethod::Fast)
}

pub(crate) fn pool_with(config: &Config, recycling_method: RecyclingMethod) -> Pool {
    pool_of(config, recycling_method, SIZE)
}

pub(crate) fn pool_of(config: &Config, recycling_method: RecyclingMethod, size: usize) -> Pool {
    let manager_config = ManagerConfig { recycling_method };
    let manager = Manager::from_config(config.clone(), NoTls, manager_config);
    Pool::builder(manager).max_size(size).build().unwrap()
}

/// Looks beside an exhausted pool in each run, so that a test sees soon what changes.
pub(crate) fn indicator(pool: &Pool, config: &Config) -> DeadpoolPostgresIndicator {
    let indicator = DeadpoolPostgresIndicator::new("db", pool.clone(), config, NoTls);
    indicator.timeout(TIMEOUT).beside_interval(Duration::ZERO)
}

/// A server, the application's pool to it, and the check of it.
pub(crate) async fn watched() -> (Postgres, Pool, Watched) {
    let server = Postgres::start().await;
    let config = config(server.port());
    let pool = pool(&config);
    let watched = Watched::start("db", indicator(&pool, &config));
    watched.passes().await;
    (server, pool, watched)
}

pub(crate) fn watch(config: &Config) -> Watched {
    Watched::start("db", indicator(&pool(config), config))
}

/// As an application does that forgets to give them back.
pub(crate) async fn take_all(pool: &Pool) -> Vec<Object> {
    take(pool, SIZE).await
}

pub(crate) async fn take(pool: &Pool, count: usize) -> Vec<Object> {
    let mut taken = Vec::new();
    for _ in 0..count {
        let object = tokio::time::timeout(Duration::from_secs(20), pool.get());
        taken.push(object.await.expect("a place is stranded").unwrap());
    }
    taken
}
