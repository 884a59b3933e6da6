//! Postgres behind a network that is slow, silent or rude.

use std::time::Duration;

use tower_health::{ObservedValue, Status};

use super::postgres::pool;
use crate::servers::postgres::Postgres;
use crate::support::proxy::{Mode, Proxy};
use crate::support::sqlx_pool::{assert_no_place_is_stranded, watch};

async fn proxied(server: &Postgres) -> (Proxy, sqlx::PgPool) {
    let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).await;
    let pool = pool(server.options().port(proxy.port()));
    (proxy, pool)
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_slow_answer_passes_within_the_timeout_and_shows() {
    let server = Postgres::start().await;
    let (proxy, pool) = proxied(&server).await;
    let watched = watch(&pool);
    watched.passes().await;
    proxy.set(Mode::Slow(Duration::from_millis(30)));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        watched.runs(1).await;
        let state = watched.state();
        assert_eq!(state.status(), Status::Pass, "{state:?}");
        // There and back.
        if matches!(state.readings()[0].value(), ObservedValue::Float(time) if *time >= 60.0) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{state:?}");
    }
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn an_answer_that_is_too_slow_fails() {
    let server = Postgres::start().await;
    let (proxy, pool) = proxied(&server).await;
    let watched = watch(&pool);
    watched.passes().await;
    proxy.set(Mode::Slow(Duration::from_secs(3)));
    let text = watched.fails().await;
    assert!(text.contains("does not answer"), "{text}");
    proxy.set(Mode::Pass);
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_black_hole_fails_and_recovers() {
    let server = Postgres::start().await;
    let (proxy, pool) = proxied(&server).await;
    let watched = watch(&pool);
    watched.passes().await;
    proxy.set(Mode::BlackHole);
    watched.turns_with(Status::Fail, "does not answer").await;
    watched.runs(3).await;
    proxy.set(Mode::Pass);
    watched.passes().await;
    assert_no_place_is_stranded(&pool).await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_reset_fails_and_recovers() {
    let server = Postgres::start().await;
    let (proxy, pool) = proxied(&server).await;
    let watched = watch(&pool);
    watched.passes().await;
    proxy.set(Mode::Reset);
    let text = watched.fails().await;
    assert!(text.contains("cannot connect to 127.0.0.1:"), "{text}");
    proxy.set(Mode::Pass);
    watched.passes().await;
    assert_no_place_is_stranded(&pool).await;
}

// The pool hands out what it has not tested.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_reset_within_a_query_is_no_answer() {
    let server = Postgres::start().await;
    let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).await;
    let pool = sqlx::postgres::PgPoolOptions::new()
        .test_before_acquire(false)
        .connect_lazy_with(server.options().port(proxy.port()));
    let watched = watch(&pool);
    watched.passes().await;
    proxy.set(Mode::Reset);
    let text = watched
        .turns_with(Status::Fail, "broke off a query: ")
        .await;
    assert!(text.contains("reset by peer"), "{text}");
    proxy.set(Mode::Pass);
    watched.passes().await;
}
