//! Postgres that comes and goes, and connections that it ended meanwhile.

use std::time::Duration;

use diesel_async::pooled_connection::RecyclingMethod;
use tower_health::{HealthIndicator, ObservedValue, Status};

use super::support::{SIZE, indicator, pool, pool_of, take, url, watched};
use crate::servers::postgres::{PASSWORD, Postgres};
use crate::support::eventually;
use crate::support::proxy::Proxy;
use crate::support::watched::Watched;

/// Long enough for a busy machine, although a silent connection takes almost half of it.
const LONG: Duration = Duration::from_secs(8);

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_database_that_answers_passes_with_its_readings() {
    let (_server, _pool, watched) = watched().await;
    let state = watched.state();
    let readings = state.readings().iter();
    let readings: Vec<_> = readings
        .map(|reading| (reading.measurement().unwrap(), reading.unit().unwrap()))
        .collect();
    let expected = [
        ("responseTime", "ms"),
        ("connections", "open"),
        ("idleConnections", "idle"),
        ("utilization", "percent"),
    ];
    assert_eq!(readings, expected);
    let counts = [1, 2].map(|at| state.readings()[at].value().clone());
    assert_eq!(counts, [1, 1].map(ObservedValue::Integer));
}

// diesel itself says no more than "error connecting to server".
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_database_that_was_killed_is_named_and_recovers_without_a_new_pool() {
    let (mut server, _pool, watched) = watched().await;
    server.kill();
    let text = watched.turns_with(Status::Fail, "refused").await;
    let expected = format!(
        "cannot connect to 127.0.0.1:{}/orders: Connection refused (os error 111)",
        server.port()
    );
    assert!(text.contains(&expected), "{text}");
    server.restart().await;
    watched.passes().await;
    watched.runs(3).await;
    eventually("one is left", async || server.connections().await == 1).await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_frozen_database_fails_and_passes_once_thawed() {
    let mut server = Postgres::start().await;
    let pool = pool(server.port());
    drop(take(&pool, SIZE).await);
    server.freeze();
    let failure = indicator(&pool, server.port()).check().await.unwrap_err();
    let text = failure.output();
    assert!(text.contains("does not answer a query"), "{text}");
    assert!(text.contains("does not answer a new connection"), "{text}");
    let watched = Watched::start("db", indicator(&pool, server.port()));
    watched
        .turns_with(Status::Fail, "does not answer a new connection")
        .await;
    server.thaw();
    watched.passes().await;
    drop(take(&pool, SIZE).await);
    eventually("connections end", async || server.connections().await <= 3).await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn the_first_run_over_dead_connections_is_ready() {
    const MANY: usize = 8;

    let server = Postgres::start().await;
    let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).await;
    for tested in [false, true] {
        for is_silent in [false, true] {
            let method = match tested {
                true => RecyclingMethod::Verified,
                false => RecyclingMethod::Fast,
            };
            let pool = pool_of(&url(proxy.port(), PASSWORD), method, MANY);
            drop(take(&pool, MANY).await);
            match is_silent {
                true => proxy.silence_those_that_are_open(),
                false => server.terminate().await,
            }
            let case = format!("tested: {tested}, silent: {is_silent}");
            recovers(&indicator(&pool, proxy.port()).timeout(LONG), &case).await;
            drop(take(&pool, MANY).await);
            pool.close();
        }
    }
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn the_first_run_after_a_restart_is_ready() {
    let mut server = Postgres::start().await;
    let pool = pool(server.port());
    drop(take(&pool, SIZE).await);
    server.kill();
    server.restart().await;
    let indicator = indicator(&pool, server.port()).timeout(LONG);
    recovers(&indicator, "restarted").await;
}

/// No run is red, and soon the pool holds only connections that answer.
async fn recovers(indicator: &impl HealthIndicator, case: &str) {
    for at in 1..=10 {
        let run = indicator.check().await;
        let observation = run.unwrap_or_else(|failure| panic!("{case}: run {at}: {failure}"));
        if observation.status() == Status::Pass {
            return;
        }
    }
    panic!("{case}: the pool still holds dead connections after ten runs");
}
