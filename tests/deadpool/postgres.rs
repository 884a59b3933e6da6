//! Postgres, behind the application's deadpool pool.

use std::time::Duration;

use deadpool_postgres::tokio_postgres::{self, NoTls};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use rustix::process::Signal;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tower_health::indicators::{DeadpoolPostgresIndicator, ExhaustedPool};
use tower_health::{HealthIndicator, Status};

use crate::servers::postgres::{PASSWORD, Postgres};
use crate::servers::process::{signal, stop};
use crate::servers::proxy::{Mode, Proxy};
use crate::servers::watched::{Watched, eventually};

const TIMEOUT: Duration = Duration::from_millis(800);

fn config(server: &Postgres) -> tokio_postgres::Config {
    let mut config = tokio_postgres::Config::new();
    config
        .host("127.0.0.1")
        .port(server.port())
        .user("app")
        .password(PASSWORD)
        .dbname("orders");
    config
}

fn pool_of(config: tokio_postgres::Config, recycling_method: RecyclingMethod) -> Pool {
    let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method });
    Pool::builder(manager).max_size(3).build().unwrap()
}

fn pool(server: &Postgres) -> Pool {
    pool_of(config(server), RecyclingMethod::Fast)
}

fn indicator(pool: &Pool) -> DeadpoolPostgresIndicator {
    DeadpoolPostgresIndicator::new("db", pool.clone())
        .place("127.0.0.1/orders")
        .timeout(TIMEOUT)
}

fn watch(pool: &Pool) -> Watched {
    Watched::start("db", indicator(pool))
}

/// Every place of the pool can be taken, with a connection that answers.
async fn assert_no_place_is_stranded(pool: &Pool) {
    let mut taken = Vec::new();
    for _ in 0..3 {
        let client = timeout(Duration::from_secs(20), pool.get()).await;
        let client = client.expect("a place is stranded").unwrap();
        client.simple_query("SELECT 1").await.unwrap();
        taken.push(client);
    }
}

async fn run(indicator: &DeadpoolPostgresIndicator, times: usize, limit: Duration) -> usize {
    let mut passed = 0;
    for _ in 0..times {
        let run = timeout(limit, indicator.check()).await;
        passed += usize::from(matches!(run, Ok(Ok(_))));
    }
    passed
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_database_that_was_killed_recovers_without_a_new_pool() {
    let mut server = Postgres::start().await;
    let watched = watch(&pool(&server));
    watched.passes().await;
    server.kill();
    watched
        .turns_with(
            Status::Fail,
            "cannot connect to 127.0.0.1/orders: error connecting to server: Connection refused",
        )
        .await;
    server.restart().await;
    watched.passes().await;
    watched.runs(5).await;
    assert_eq!(server.connections().await, 1);
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_wrong_password_is_named_and_not_told() {
    let server = Postgres::start().await;
    let mut config = config(&server);
    config.password("wr0ng-p4ss");
    let watched = watch(&pool_of(config, RecyclingMethod::Fast));
    assert_eq!(
        watched.fails().await,
        "cannot connect to 127.0.0.1/orders: password authentication failed for user \"app\" \
         (28P01: the password is wrong)"
    );
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_frozen_database_fails_and_passes_once_thawed() {
    for recycling in [RecyclingMethod::Fast, RecyclingMethod::Verified] {
        let mut server = Postgres::start().await;
        let pool = pool_of(config(&server), recycling);
        let watched = watch(&pool);
        watched.passes().await;
        server.freeze();
        watched
            .turns_with(Status::Fail, "does not answer a new connection")
            .await;
        watched.runs(3).await;
        server.thaw();
        watched.passes().await;
        assert_no_place_is_stranded(&pool).await;
    }
}

// It is found out by a query, fails once, and is replaced.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn one_frozen_connection_is_given_up_and_the_others_serve() {
    let server = Postgres::start().await;
    let pool = pool(&server);
    let client = pool.get().await.unwrap();
    let row = client.query_one("SELECT pg_backend_pid()", &[]).await;
    let backend: i32 = row.unwrap().get(0);
    drop(client);
    let watched = watch(&pool);
    watched.passes().await;

    let backend = u32::try_from(backend).unwrap();
    stop(backend);
    watched
        .turns_with(Status::Fail, "does not answer a query")
        .await;
    watched.passes().await;
    assert_no_place_is_stranded(&pool).await;
    signal(backend, Signal::CONT);
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn an_exhausted_pool_warns_or_fails_and_does_not_hide_that_the_database_is_down() {
    let mut server = Postgres::start().await;
    let pool = pool(&server);
    let warns = watch(&pool);
    let fails = Watched::start("db", indicator(&pool).exhausted_pool(ExhaustedPool::Fails));
    warns.passes().await;
    fails.passes().await;
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(pool.get().await.unwrap());
    }
    let expected = "the pool is exhausted: 3 of 3 connections are in use, none came free within";
    warns.turns_with(Status::Warn, expected).await;
    fails.turns_with(Status::Fail, expected).await;
    assert!(server.connections().await <= 5);
    server.kill();
    warns.turns_with(Status::Fail, "Connection refused").await;
    server.restart().await;
    drop(taken);
    warns.passes().await;
    fails.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_server_that_refuses_is_told_apart() {
    let full = Postgres::start_with(&["max_connections=6", "max_wal_senders=0"]).await;
    let others = pool(&full);
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(others.get().await.unwrap());
    }
    let watched = watch(&pool(&full));
    watched
        .turns_with(
            Status::Fail,
            "(53300: all connections that the server allows are taken)",
        )
        .await;
    drop(taken);
    others.close();
    watched.passes().await;

    let settings = ["restore_command=sleep 60; false", "hot_standby=off"];
    let starting = Postgres::prepare(&settings, &["recovery.signal"]);
    watch(&pool(&starting))
        .turns_with(Status::Fail, "the database system is starting up (57P03")
        .await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_standby_passes_unless_writes_are_wanted() {
    let primary = Postgres::start().await;
    let standby = primary.standby().await;
    let pool = pool(&standby);
    watch(&pool).passes().await;
    let watched = Watched::start("db", indicator(&pool).read_write());
    assert_eq!(
        watched.fails().await,
        "127.0.0.1/orders takes no writes: it is a standby, in recovery"
    );
    standby.run("SELECT pg_promote()").await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_network_that_swallows_or_resets_fails_and_recovers() {
    let server = Postgres::start().await;
    let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).await;
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(proxy.port());
    config.user("app").password(PASSWORD).dbname("orders");
    let pool = pool_of(config, RecyclingMethod::Fast);
    let watched = watch(&pool);
    watched.passes().await;
    for (mode, text) in [
        (Mode::BlackHole, "does not answer"),
        (Mode::Reset, "cannot connect"),
        (Mode::Slow(Duration::from_secs(3)), "does not answer"),
    ] {
        proxy.set(mode);
        watched.turns_with(Status::Fail, text).await;
        proxy.set(Mode::Pass);
        watched.passes().await;
    }
    assert_no_place_is_stranded(&pool).await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_thousand_runs_leave_nothing_behind() {
    let mut server = Postgres::start().await;
    let pool = pool(&server);
    let tasks = Handle::current().metrics().num_alive_tasks();
    let usual = indicator(&pool);
    assert_eq!(run(&usual, 470, TIMEOUT).await, 470);
    server.freeze();
    let hasty = indicator(&pool).timeout(Duration::from_millis(40));
    assert_eq!(run(&hasty, 30, TIMEOUT).await, 0);
    for at in 1..=30 {
        assert_eq!(run(&usual, 1, Duration::from_millis(at)).await, 0);
    }
    server.thaw();
    eventually("the database answers", async || {
        run(&usual, 1, TIMEOUT).await == 1
    })
    .await;
    assert_eq!(run(&usual, 470, TIMEOUT).await, 470);
    assert_no_place_is_stranded(&pool).await;
    eventually("connections end", async || server.connections().await <= 3).await;
    pool.close();
    eventually("tasks end", async || {
        Handle::current().metrics().num_alive_tasks() <= tasks
    })
    .await;
    eventually("all connections end", async || {
        server.connections().await == 0
    })
    .await;
}
