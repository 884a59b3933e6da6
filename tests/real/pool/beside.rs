//! How often a run connects beside a pool that stays exhausted.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tower_health::indicators::SqlxIndicator;
use tower_health::{HealthIndicator, Observation, Status};

use crate::servers::postgres::Postgres;
use crate::support::eventually;
use crate::support::proxy::{Mode, Proxy};

const TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn an_exhausted_pool_is_looked_beside_once_in_an_interval() {
    let (_server, proxy, pool, indicator) = proxied().await;
    let indicator = indicator.beside_interval(Duration::from_secs(3600));
    let taken = pool.acquire().await.unwrap();
    let before = proxy.accepted();
    let text = warning(&indicator).await;
    assert!(
        text.contains("the database answers a new connection"),
        "{text}"
    );
    for _ in 0..3 {
        let text = warning(&indicator).await;
        assert!(
            text.contains("the database answered a new connection"),
            "{text}"
        );
    }
    assert_eq!(proxy.accepted(), before + 1);

    // Any other result ends the interval: the pool was not exhausted in between.
    drop(taken);
    eventually("it is back", async || pool.num_idle() == 1).await;
    assert_eq!(indicator.check().await.unwrap().status(), Status::Pass);
    let taken = pool.acquire().await.unwrap();
    let before = proxy.accepted();
    warning(&indicator).await;
    assert_eq!(proxy.accepted(), before + 1);
    drop(taken);
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_server_that_dies_behind_an_exhausted_pool_fails_after_the_interval() {
    let (_server, proxy, pool, indicator) = proxied().await;
    let indicator = indicator.beside_interval(Duration::from_secs(1));
    let taken = pool.acquire().await.unwrap();
    warning(&indicator).await;
    proxy.set(Mode::BlackHole);
    // The first of these may still repeat the answer of before.
    let mut runs = vec![indicator.check().await];
    if runs[0].is_ok() {
        runs.push(indicator.check().await);
    }
    let failure = runs.pop().unwrap().unwrap_err();
    assert!(
        failure
            .output()
            .contains("does not answer a new connection either"),
        "{failure}"
    );
    drop(taken);
}

async fn proxied() -> (Postgres, Proxy, PgPool, SqlxIndicator<sqlx::Postgres>) {
    let server = Postgres::start().await;
    let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).await;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(server.options().port(proxy.port()));
    let indicator = SqlxIndicator::<sqlx::Postgres>::new("db", pool.clone()).timeout(TIMEOUT);
    (server, proxy, pool, indicator)
}

async fn warning(indicator: &SqlxIndicator<sqlx::Postgres>) -> String {
    let observation: Observation = indicator.check().await.unwrap();
    assert_eq!(observation.status(), Status::Warn, "{observation:?}");
    observation.output().unwrap().to_owned()
}
