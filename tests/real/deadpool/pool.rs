//! Postgres that is well, behind a pool that is not.

use std::future::pending;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::tokio_postgres::NoTls;
use deadpool_postgres::{Hook, Manager, Pool, RecyclingMethod, Runtime};
use rustix::process::Signal;
use tower_health::indicators::ExhaustedPool;
use tower_health::{HealthIndicator, Status};

use super::support::{SIZE, config, indicator, pool, pool_with, take_all, watched};
use crate::servers::postgres::Postgres;
use crate::servers::process::{signal, stop};
use crate::support::eventually;
use crate::support::watched::Watched;

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn an_exhausted_pool_warns_while_the_database_answers() {
    let (server, pool, watched) = watched().await;
    let taken = take_all(&pool).await;
    let text = watched.turns(Status::Warn).await;
    let expected = "the pool is exhausted: 3 of 3 connections are in use, none became free within \
                    0.9 s; the database answers a new connection";
    assert_eq!(text, expected);
    watched.runs(5).await;
    // The connection beside the pool is closed each time.
    eventually("it is closed", async || server.connections().await == 3).await;
    drop(taken);
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn an_exhausted_pool_fails_if_configured_to() {
    let server = Postgres::start().await;
    let config = config(server.port());
    let pool = pool(&config);
    let indicator = indicator(&pool, &config).exhausted_pool(ExhaustedPool::Fails);
    let watched = Watched::start("db", indicator);
    watched.passes().await;
    let taken = take_all(&pool).await;
    watched
        .turns_with(Status::Fail, "the pool is exhausted: 3 of 3")
        .await;
    drop(taken);
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn an_exhausted_pool_does_not_hide_that_the_database_is_down() {
    let (mut server, pool, watched) = watched().await;
    let taken = take_all(&pool).await;
    watched.turns(Status::Warn).await;
    server.freeze();
    let text = watched.fails().await;
    assert!(text.contains("3 of 3 connections are in use"), "{text}");
    assert!(
        text.contains("does not answer a new connection either"),
        "{text}"
    );
    server.thaw();
    watched.turns(Status::Warn).await;
    server.kill();
    watched.turns_with(Status::Fail, "Connection refused").await;
    drop(taken);
}

// The server process behind the connection stays frozen all along.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn one_frozen_connection_is_given_up_and_the_others_serve() {
    let said = "1 connection of the pool was dead";
    for method in [RecyclingMethod::Fast, RecyclingMethod::Verified] {
        let server = Postgres::start().await;
        let config = config(server.port());
        let pool = pool_with(&config, method);
        let client = pool.get().await.unwrap();
        let row = client
            .query_one("SELECT pg_backend_pid()", &[])
            .await
            .unwrap();
        let backend = u32::try_from(row.get::<_, i32>(0)).unwrap();
        drop(client);
        let watched = Watched::start("db", indicator(&pool, &config));
        watched.passes().await;

        let mut transitions = watched.health.subscribe();
        stop(backend);
        watched.changes(&mut transitions, Status::Warn, said).await;
        watched.passes().await;
        drop(take_all(&pool).await);
        signal(backend, Signal::CONT);
    }
}

// The database is well, and the application gets no connection: that is no warning.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_pool_whose_hook_hangs_on_each_new_connection_fails() {
    let server = Postgres::start().await;
    let config = config(server.port());
    let hangs = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&hangs);
    let hook = Hook::async_fn(move |_, _| {
        let hangs = seen.load(Ordering::SeqCst);
        Box::pin(async move {
            if hangs {
                pending::<()>().await;
            }
            Ok(())
        })
    });
    let builder = Pool::builder(Manager::new(config.clone(), NoTls)).max_size(SIZE);
    let pool = builder.post_create(hook).build().unwrap();
    let watched = Watched::start("db", indicator(&pool, &config));
    watched.turns_with(Status::Fail, "`post_create`").await;
    hangs.store(false, Ordering::SeqCst);
    watched.passes().await;
    drop(take_all(&pool).await);
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_pool_that_the_application_closed_has_its_own_message() {
    let (_server, pool, watched) = watched().await;
    pool.close();
    assert_eq!(watched.fails().await, "the application closed the pool");
}

// As one of sqlx: it says nothing about the server.
#[tokio::test]
async fn after_a_timeout_of_the_pool_itself_the_run_looks_beside_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = config(listener.local_addr().unwrap().port());
    let pool = Pool::builder(Manager::new(config.clone(), NoTls))
        .create_timeout(Some(Duration::from_millis(50)))
        .runtime(Runtime::Tokio1)
        .build()
        .unwrap();
    let failure = indicator(&pool, &config).check().await.unwrap_err();
    let text = failure.output();
    assert!(
        text.contains("does not answer a new connection either"),
        "{text}"
    );
}
