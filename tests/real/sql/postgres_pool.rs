//! Postgres that is well, behind a pool that is not.

use std::time::Duration;

use rustix::process::Signal;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Row, raw_sql};
use tower_health::Status;
use tower_health::indicators::ExhaustedPool;

use super::postgres::pool;
use crate::servers::postgres::Postgres;
use crate::servers::process::{signal, stop};
use crate::support::sqlx_pool::{assert_no_place_is_stranded, indicator, patient, watch};
use crate::support::watched::Watched;

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn an_exhausted_pool_warns_while_the_database_answers() {
    let server = Postgres::start().await;
    let pool = pool(server.options());
    let watched = watch(&pool);
    watched.passes().await;
    let taken = [
        pool.acquire().await.unwrap(),
        pool.acquire().await.unwrap(),
        pool.acquire().await.unwrap(),
    ];
    let text = watched.turns(Status::Warn).await;
    assert_eq!(
        text,
        "the pool is exhausted: 3 of 3 connections are in use, none became free within 0.9 s; the \
         database answers a new connection"
    );
    watched.runs(5).await;
    // The tie-break closes what it opens.
    assert!(server.connections().await <= 4);
    drop(taken);
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn an_exhausted_pool_fails_if_configured_to() {
    let server = Postgres::start().await;
    let pool = pool(server.options());
    let indicator = indicator(&pool).exhausted_pool(ExhaustedPool::Fails);
    let watched = Watched::start("db", indicator);
    watched.passes().await;
    let taken = [
        pool.acquire().await.unwrap(),
        pool.acquire().await.unwrap(),
        pool.acquire().await.unwrap(),
    ];
    watched
        .turns_with(Status::Fail, "the pool is exhausted: 3 of 3")
        .await;
    drop(taken);
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn an_exhausted_pool_does_not_hide_that_the_database_is_down() {
    let mut server = Postgres::start().await;
    let pool = pool(server.options());
    let watched = watch(&pool);
    let taken = [
        pool.acquire().await.unwrap(),
        pool.acquire().await.unwrap(),
        pool.acquire().await.unwrap(),
    ];
    watched.turns(Status::Warn).await;
    server.freeze();
    let part = "does not answer a new connection either";
    let text = watched.turns_with(Status::Fail, part).await;
    assert!(text.contains("3 of 3 connections are in use"), "{text}");
    server.thaw();
    watched.turns(Status::Warn).await;
    server.kill();
    let text = watched.turns_with(Status::Fail, "Connection refused").await;
    assert!(text.contains("3 of 3 connections are in use"), "{text}");
    drop(taken);
}

// The connection is replaced; the server process behind it stays frozen all along.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn one_frozen_connection_is_given_up_and_the_others_serve() {
    let server = Postgres::start().await;
    let pool = pool(server.options());
    let mut connection = pool.acquire().await.unwrap();
    let row = raw_sql("SELECT pg_backend_pid()").fetch_one(&mut *connection);
    let backend: i32 = row.await.unwrap().get(0);
    connection.return_to_pool().await;
    let watched = Watched::start("db", patient(&pool));
    watched.passes().await;

    let backend = u32::try_from(backend).unwrap();
    let mut transitions = watched.health.subscribe();
    stop(backend);
    let expected = "1 connection of the pool was dead";
    watched
        .changes(&mut transitions, Status::Warn, expected)
        .await;
    watched.passes().await;
    assert_no_place_is_stranded(&pool).await;
    signal(backend, Signal::CONT);
}

// The database is well, and the application gets no connection: that is no warning.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_pool_whose_hook_fails_on_each_new_connection_fails() {
    let server = Postgres::start().await;
    let pool = PgPoolOptions::new()
        .max_connections(3)
        .after_connect(|connection, _| {
            Box::pin(async move {
                raw_sql("SET ROLE nobody").execute(connection).await?;
                Ok(())
            })
        })
        .connect_lazy_with(server.options());
    let watched = watch(&pool);
    watched.turns_with(Status::Fail, "`after_connect`").await;
    server.run("CREATE ROLE nobody; GRANT nobody TO app").await;
    watched.passes().await;
    assert_no_place_is_stranded(&pool).await;
}

// New connections are given without it, and the application gets none that is idle.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_pool_whose_hook_hangs_on_idle_connections_fails() {
    let server = Postgres::start().await;
    let pool = PgPoolOptions::new()
        .max_connections(3)
        .before_acquire(|_, _| Box::pin(std::future::pending()))
        .connect_lazy_with(server.options());
    let watched = Watched::start("db", patient(&pool));
    watched.turns_with(Status::Fail, "`before_acquire`").await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn an_exhausted_pool_does_not_hide_that_the_database_takes_no_writes() {
    let server = Postgres::start().await;
    let pool = pool(server.options());
    let watched = Watched::start("db", indicator(&pool).read_write());
    let taken = [
        pool.acquire().await.unwrap(),
        pool.acquire().await.unwrap(),
        pool.acquire().await.unwrap(),
    ];
    watched
        .turns_with(Status::Warn, "the pool is exhausted")
        .await;
    server
        .run("ALTER SYSTEM SET default_transaction_read_only = on")
        .await;
    server.run("SELECT pg_reload_conf()").await;
    watched
        .turns_with(Status::Fail, "its transactions are read-only")
        .await;
    drop(taken);
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_pool_that_the_application_closed_has_its_own_message() {
    let server = Postgres::start().await;
    let pool = pool(server.options());
    let watched = watch(&pool);
    watched.passes().await;
    tokio::time::timeout(Duration::from_secs(20), pool.close())
        .await
        .unwrap();
    assert_eq!(watched.fails().await, "the application closed the pool");
}
