//! Postgres, behind the application's pool.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tower_health::Status;
use tower_health::indicators::SqlxIndicator;

use crate::servers::postgres::{PASSWORD, Postgres};
use crate::servers::watched::Watched;

fn pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(3)
        .connect_lazy_with(options)
}

fn watch(pool: &PgPool) -> Watched {
    let indicator = SqlxIndicator::new("db", pool.clone()).timeout(Duration::from_millis(500));
    Watched::start("db", indicator)
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
async fn a_wrong_password_is_named_and_not_told() {
    let server = Postgres::start().await;
    let watched = watch(&pool(server.options().password("wr0ng-p4ss")));
    let text = watched.fails().await;
    let expected = format!(
        "cannot connect to 127.0.0.1:{}/orders: password authentication failed for user \"app\" \
         (28P01: the password is wrong)",
        server.port()
    );
    assert_eq!(text, expected);
    assert!(!text.contains(PASSWORD) && !text.contains("wr0ng-p4ss"));
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
    assert!(text.contains("does not answer"), "{text}");
    watched.runs(5).await;
    server.thaw();
    watched.passes().await;
}
