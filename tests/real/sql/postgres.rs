//! Postgres as a server that comes and goes.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::runtime::Handle;
use tower_health::Status;

use crate::servers::postgres::Postgres;
use crate::support::eventually;
use crate::support::port::ClosedPort;
use crate::support::runs::{failure, passes, run, runs_pass};
use crate::support::sqlx_pool::{
    TIMEOUT, assert_no_place_is_stranded, indicator, no_more_tasks_than, watch,
};

pub(crate) fn pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(3)
        .connect_lazy_with(options)
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_database_that_answers_passes_with_its_readings() {
    let server = Postgres::start().await;
    let watched = watch(&pool(server.options()));
    watched.passes().await;
    let state = watched.state();
    let readings: Vec<_> = state
        .readings()
        .iter()
        .map(|reading| (reading.measurement().unwrap(), reading.unit().unwrap()))
        .collect();
    let expected = [
        ("responseTime", "ms"),
        ("connections", "open"),
        ("idleConnections", "idle"),
        ("utilization", "percent"),
    ];
    assert_eq!(readings, expected);
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_database_that_was_never_there_is_named() {
    let server = Postgres::start().await;
    let absent = ClosedPort::bind();
    let port = absent.address().port();
    let watched = watch(&pool(server.options().port(port)));
    let text = watched.fails().await;
    let expected =
        format!("cannot connect to 127.0.0.1:{port}/orders: Connection refused (os error 111)");
    assert_eq!(text, expected);
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_database_that_was_killed_recovers_without_a_new_pool() {
    let mut server = Postgres::start().await;
    let watched = watch(&pool(server.options()));
    watched.passes().await;
    server.kill();
    let text = watched.turns_with(Status::Fail, "refused").await;
    let place = format!("127.0.0.1:{}/orders", server.port());
    assert!(text.contains(&place), "{text}");
    server.restart().await;
    watched.passes().await;
    watched.runs(5).await;
    assert_eq!(server.connections().await, 1);
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_frozen_database_fails_and_passes_once_thawed() {
    let mut server = Postgres::start().await;
    let pool = pool(server.options());
    let watched = watch(&pool);
    watched.passes().await;
    server.freeze();
    let text = watched.fails().await;
    assert!(text.contains("does not answer a new connection"), "{text}");
    watched.runs(5).await;
    server.thaw();
    watched.passes().await;
    assert_no_place_is_stranded(&pool).await;
}

// What has not answered a query may not go back to the pool.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_frozen_database_fails_behind_a_pool_that_does_not_test_its_connections() {
    let mut server = Postgres::start().await;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .connect_lazy_with(server.options());
    let indicator = indicator(&pool);
    passes(&indicator).await;
    server.freeze();
    let text = failure(&indicator).await;
    assert!(text.contains("does not answer a query"), "{text}");
    let watched = watch(&pool);
    watched
        .turns_with(Status::Fail, "does not answer a new connection")
        .await;
    server.thaw();
    watched.passes().await;
    assert_no_place_is_stranded(&pool).await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_thousand_runs_leave_nothing_behind() {
    let mut server = Postgres::start().await;
    for test_before_acquire in [true, false] {
        let pool = PgPoolOptions::new()
            .max_connections(3)
            .test_before_acquire(test_before_acquire)
            .connect_lazy_with(server.options());
        let tasks = Handle::current().metrics().num_alive_tasks();
        let indicator = indicator(&pool);
        runs_pass(&indicator, 470).await;
        server.freeze();
        // By its own clock, and as the refresher aborts it: at any point.
        let hasty = crate::support::sqlx_pool::indicator(&pool).timeout(Duration::from_millis(40));
        assert_eq!(run(&hasty, 15, TIMEOUT).await, 0);
        for at in 1..=15 {
            assert_eq!(run(&indicator, 1, Duration::from_millis(at)).await, 0);
        }
        server.thaw();
        passes(&indicator).await;
        runs_pass(&indicator, 470).await;
        assert_no_place_is_stranded(&pool).await;
        eventually("connections end", async || server.connections().await <= 3).await;
        pool.close().await;
        no_more_tasks_than(tasks).await;
        eventually("all connections end", async || {
            server.connections().await == 0
        })
        .await;
    }
}
