//! The pool of the application, and the indicator that looks at it.

use std::time::Duration;

use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use tokio_postgres::{Config, NoTls};
use tower_health::indicators::DieselPostgresIndicator;

use crate::servers::postgres::{PASSWORD, Postgres};
use crate::support::watched::Watched;

/// Long for a server on the same machine, however busy it is, and short for a test.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) const SIZE: usize = 3;

pub(crate) type DieselPool = Pool<AsyncPgConnection>;

pub(crate) fn url(port: u16, password: &str) -> String {
    format!("postgres://app:{password}@127.0.0.1:{port}/orders")
}

pub(crate) fn config(url: &str) -> Config {
    url.parse().unwrap()
}

pub(crate) fn pool(port: u16) -> DieselPool {
    pool_of(&url(port, PASSWORD), RecyclingMethod::Fast, SIZE)
}

pub(crate) fn pool_of(
    url: &str,
    recycling_method: RecyclingMethod<AsyncPgConnection>,
    size: usize,
) -> DieselPool {
    let mut config = ManagerConfig::default();
    config.recycling_method = recycling_method;
    let manager = AsyncDieselConnectionManager::new_with_config(url, config);
    Pool::builder(manager).max_size(size).build().unwrap()
}

/// Looks beside an exhausted pool in each run, so that a test sees soon what changes.
pub(crate) fn indicator(pool: &DieselPool, port: u16) -> DieselPostgresIndicator {
    let config = config(&url(port, PASSWORD));
    let indicator = DieselPostgresIndicator::new("db", pool.clone(), &config, NoTls);
    indicator.timeout(TIMEOUT).beside_interval(Duration::ZERO)
}

/// A server, the application's pool to it, and the check of it.
pub(crate) async fn watched() -> (Postgres, DieselPool, Watched) {
    let server = Postgres::start().await;
    let pool = pool(server.port());
    let watched = Watched::start("db", indicator(&pool, server.port()));
    watched.passes().await;
    (server, pool, watched)
}

/// As an application does that forgets to give them back.
pub(crate) async fn take(pool: &DieselPool, count: usize) -> Vec<Object<AsyncPgConnection>> {
    let mut taken = Vec::new();
    for _ in 0..count {
        let object = tokio::time::timeout(Duration::from_secs(20), pool.get());
        taken.push(object.await.expect("a place is stranded").unwrap());
    }
    taken
}
