//! Postgres that comes and goes, and ways to it that are slow, silent or rude.

use std::time::Duration;

use tower_health::{ObservedValue, Status};

use super::support::{config, indicator, pool, take_all, watch, watched};
use crate::servers::postgres::Postgres;
use crate::support::eventually;
use crate::support::port::ClosedPort;
use crate::support::proxy::{Mode, Proxy};
use crate::support::runs::{failure, passes};
use crate::support::watched::Watched;

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
    assert_eq!(
        counts,
        [ObservedValue::Integer(1), ObservedValue::Integer(1)]
    );
}

#[tokio::test]
async fn a_closed_port_is_reported_with_its_place() {
    let absent = ClosedPort::bind();
    let port = absent.address().port();
    let text = watch(&config(port)).fails().await;
    let expected =
        format!("cannot connect to 127.0.0.1:{port}/orders: Connection refused (os error 111)");
    assert_eq!(text, expected);
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_database_that_was_killed_recovers_without_a_new_pool() {
    let (mut server, _pool, watched) = watched().await;
    server.kill();
    let text = watched.turns_with(Status::Fail, "refused").await;
    let place = format!("127.0.0.1:{}/orders", server.port());
    assert!(text.contains(&place), "{text}");
    server.restart().await;
    watched.passes().await;
    watched.runs(3).await;
    assert_eq!(server.connections().await, 1);
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_frozen_database_fails_and_passes_once_thawed() {
    let mut server = Postgres::start().await;
    let config = config(server.port());
    let pool = pool(&config);
    let indicator = indicator(&pool, &config);
    passes(&indicator).await;
    server.freeze();
    let text = failure(&indicator).await;
    assert!(text.contains("does not answer a query"), "{text}");
    let watched = Watched::start("db", indicator);
    watched
        .turns_with(Status::Fail, "does not answer a new connection")
        .await;
    server.thaw();
    watched.passes().await;
    drop(take_all(&pool).await);
    eventually("connections end", async || server.connections().await <= 3).await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_slow_way_shows_in_the_response_time_and_fails_beyond_the_timeout() {
    let (_server, proxy, watched) = proxied().await;
    proxy.set(Mode::Slow(Duration::from_millis(30)));
    eventually("the answer takes there and back", async || {
        let state = watched.state();
        assert_eq!(state.status(), Status::Pass, "{state:?}");
        matches!(state.readings()[0].value(), ObservedValue::Float(time) if *time >= 60.0)
    })
    .await;
    proxy.set(Mode::Slow(Duration::from_secs(3)));
    watched.turns_with(Status::Fail, "does not answer").await;
    proxy.set(Mode::Pass);
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_black_hole_fails_and_recovers() {
    let (_server, proxy, watched) = proxied().await;
    proxy.set(Mode::BlackHole);
    watched.turns_with(Status::Fail, "does not answer").await;
    watched.runs(3).await;
    proxy.set(Mode::Pass);
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_reset_fails_and_recovers() {
    let (server, proxy, watched) = proxied().await;
    proxy.set(Mode::Reset);
    watched
        .turns_with(Status::Fail, "cannot connect to 127.0.0.1:")
        .await;
    proxy.set(Mode::Pass);
    watched.passes().await;
    eventually("the broken one ends", async || {
        server.connections().await == 1
    })
    .await;
}

async fn proxied() -> (Postgres, Proxy, Watched) {
    let server = Postgres::start().await;
    let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).await;
    let config = config(proxy.port());
    let watched = Watched::start("db", indicator(&pool(&config), &config));
    watched.passes().await;
    (server, proxy, watched)
}
