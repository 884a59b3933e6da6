//! The indicator for bb8-postgres against a real Postgres.

use std::time::Duration;

use bb8_postgres::PostgresConnectionManager;
use bb8_postgres::bb8::Pool;
use bb8_postgres::tokio_postgres::{Config, NoTls};
use tokio::runtime::Handle;
use tower_health::indicators::Bb8PostgresIndicator;
use tower_health::{HealthIndicator, Status};

use crate::deadpool::support::config;
use crate::servers::postgres::{PASSWORD, Postgres};
use crate::support::eventually;
use crate::support::proxy::{Mode, Proxy};
use crate::support::runs::{passes, run, runs_pass};
use crate::support::sqlx_pool::{LONG, TIMEOUT};
use crate::support::watched::Watched;

type PostgresPool = Pool<PostgresConnectionManager<NoTls>>;

const SIZE: u32 = 3;

fn pool(config: &Config, size: u32, tests: bool) -> PostgresPool {
    let manager = PostgresConnectionManager::new(config.clone(), NoTls);
    Pool::builder()
        .max_size(size)
        .test_on_check_out(tests)
        .build_unchecked(manager)
}

fn indicator(pool: &PostgresPool, config: &Config) -> Bb8PostgresIndicator<NoTls> {
    Bb8PostgresIndicator::new("db", pool.clone(), config, NoTls).timeout(TIMEOUT)
}

async fn take(pool: &PostgresPool, count: u32) -> Vec<impl Sized + use<>> {
    let mut taken = Vec::new();
    for _ in 0..count {
        taken.push(pool.get_owned().await.unwrap());
    }
    taken
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn it_warns_while_exhausted_and_names_what_is_wrong_with_the_server() {
    let mut server = Postgres::start().await;
    let config = config(server.port());
    let pool = pool(&config, SIZE, true);
    let watched = Watched::start("db", indicator(&pool, &config).read_write());
    watched.passes().await;
    let taken = take(&pool, SIZE).await;
    watched
        .turns_with(Status::Warn, "the pool is exhausted: 3 of 3")
        .await;
    drop(taken);
    watched.passes().await;
    server
        .run("ALTER SYSTEM SET default_transaction_read_only = on")
        .await;
    server.run("SELECT pg_reload_conf()").await;
    watched
        .turns_with(Status::Fail, "its transactions are read-only")
        .await;
    server.freeze();
    watched
        .turns_with(Status::Fail, "does not answer a new connection")
        .await;
    server.thaw();
    server.kill();
    watched.turns_with(Status::Fail, "Connection refused").await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_wrong_password_is_reported_without_the_password() {
    let server = Postgres::start().await;
    let mut config = config(server.port());
    config.password("wr0ng-p4ss");
    // By default bb8 tries again and again, which takes all of the processor in a debug build.
    let manager = PostgresConnectionManager::new(config.clone(), NoTls);
    let pool = Pool::builder()
        .retry_connection(false)
        .max_size(1)
        .build_unchecked(manager);
    let indicator = indicator(&pool, &config).timeout(LONG);
    let failure = indicator.check().await.unwrap_err();
    let text = failure.output();
    assert!(text.contains("the password is wrong"), "{text}");
    assert!(!text.contains(PASSWORD) && !text.contains("wr0ng-p4ss"));
}

// bb8 itself cannot close those that are silent when it tests them.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn the_first_run_over_dead_connections_is_ready() {
    let server = Postgres::start().await;
    let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).await;
    let config = config(proxy.port());
    for (tests, is_silent) in [(true, false), (false, false), (false, true)] {
        let pool = pool(&config, 8, tests);
        drop(take(&pool, 8).await);
        match is_silent {
            true => proxy.silence_those_that_are_open(),
            false => server.terminate().await,
        }
        let case = format!("tests: {tests}, silent: {is_silent}");
        let indicator = indicator(&pool, &config).timeout(Duration::from_secs(4));
        let run = indicator.check().await;
        let _ = run.unwrap_or_else(|failure| panic!("{case}: {failure}"));
        eventually("the pool recovers", async || {
            let observation = indicator.check().await.unwrap();
            observation.status() == Status::Pass
        })
        .await;
    }
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn hundreds_of_runs_leave_no_place_and_no_connection() {
    let mut server = Postgres::start().await;
    let config = config(server.port());
    let pool = pool(&config, SIZE, true);
    let tasks = Handle::current().metrics().num_alive_tasks();
    let indicator = indicator(&pool, &config).timeout(LONG);
    runs_pass(&indicator, 200).await;
    server.freeze();
    for at in 1..=30 {
        assert_eq!(run(&indicator, 1, Duration::from_millis(at)).await, 0);
    }
    server.thaw();
    passes(&indicator).await;
    runs_pass(&indicator, 200).await;
    drop(take(&pool, SIZE).await);
    drop((indicator, pool));
    eventually("all connections end", async || {
        server.connections().await == 0
    })
    .await;
    eventually("tasks end", async || {
        Handle::current().metrics().num_alive_tasks() <= tasks
    })
    .await;
}

// The login succeeds, and nothing after it is answered.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn runs_before_a_server_that_is_silent_after_the_login_leave_no_task_and_no_socket() {
    let server = Postgres::start().await;
    let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into()).await;
    let config = config(proxy.port());
    let pool = pool(&config, SIZE, false);
    let indicator = indicator(&pool, &config).timeout(Duration::from_millis(400));
    passes(&indicator).await;
    proxy.set(Mode::SilentAfterLogin);
    // The first may find that the pool holds a connection of before.
    assert_eq!(run(&indicator, 2, TIMEOUT).await, 0);
    let (tasks, open) = (tasks(), proxy.open());
    assert_eq!(run(&indicator, 20, TIMEOUT).await, 0);
    eventually("tasks and sockets end", async || {
        self::tasks() <= tasks && proxy.open() <= open
    })
    .await;
    // While the pool is exhausted, only the connection beside it is silent, which is excused once.
    proxy.set(Mode::Pass);
    passes(&indicator).await;
    let _taken = take(&pool, SIZE).await;
    let (tasks, open) = (self::tasks(), proxy.open());
    proxy.set(Mode::SilentAfterLogin);
    assert_eq!(run(&indicator, 1, TIMEOUT).await, 1);
    assert_eq!(run(&indicator, 20, TIMEOUT).await, 0);
    eventually("tasks and sockets end", async || {
        self::tasks() <= tasks && proxy.open() <= open
    })
    .await;
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}
