//! Pools under load: 40 callers share 5 connections, which are all that the server allows.

use std::time::{Duration, Instant};

use deadpool_postgres::tokio_postgres::NoTls;
use sqlx::mysql::MySqlPoolOptions;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Executor, Pool, raw_sql};
use tokio::task::JoinSet;
use tower_health::indicators::{
    ConnectionPool, DeadpoolPostgresIndicator, PoolIndicator, SqlxDatabase, SqlxIndicator,
};
use tower_health::{HealthIndicator, Status};

use super::full::{mariadb, postgres, take_all};
use crate::deadpool::support as deadpool;
use crate::support::runs::passes;

const CALLERS: usize = 40;

/// How long each statement of a caller takes. Eight of them pass before a caller has its turn again.
const LOADS: [Duration; 4] = [
    Duration::from_millis(5),
    Duration::from_millis(50),
    Duration::from_millis(300),
    Duration::from_secs(1),
];

/// Of which 2.7 s are for the pool, however busy the machine is: less than the wait at the highest
/// load. By hand, the default.
const TIMEOUT: Duration = Duration::from_secs(6);

/// How many runs each load sees.
const RUNS: usize = 3;

/// How long each load lasts at least, if by hand: `TOWER_HEALTH_SECONDS=60` for a minute, with the
/// default settings of the indicator.
fn by_hand() -> Option<Duration> {
    let set = std::env::var("TOWER_HEALTH_SECONDS").ok()?;
    Some(Duration::from_secs(set.parse().unwrap()))
}

fn timed<P: ConnectionPool>(indicator: PoolIndicator<P>) -> PoolIndicator<P> {
    match by_hand() {
        Some(_) => indicator,
        None => indicator.timeout(TIMEOUT).beside_interval(Duration::ZERO),
    }
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn no_run_is_red_while_forty_callers_share_all_connections_of_postgres() {
    for load in LOADS {
        let server = postgres().await;
        let pool = PgPoolOptions::new()
            .max_connections(5)
            .acquire_timeout(Duration::from_secs(60))
            .connect_lazy_with(server.options());
        none_is_red_over(&pool, load, "SELECT pg_sleep").await;
    }
}

#[tokio::test]
#[ignore = "needs MariaDB: run .ci/test"]
async fn no_run_is_red_while_forty_callers_share_all_connections_of_mariadb() {
    for load in LOADS {
        let server = mariadb().await;
        let pool = MySqlPoolOptions::new()
            .max_connections(10)
            .acquire_timeout(Duration::from_secs(60))
            .connect_lazy_with(server.options());
        none_is_red_over(&pool, load, "SELECT sleep").await;
    }
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn no_run_is_red_while_forty_callers_share_all_connections_of_deadpool() {
    for load in LOADS {
        let server = postgres().await;
        let config = deadpool::config(server.port());
        let pool = deadpool::pool_of(&config, deadpool_postgres::RecyclingMethod::Fast, 5);
        drop(deadpool::take(&pool, 5).await);
        let indicator = DeadpoolPostgresIndicator::new("db", pool.clone(), &config, NoTls);
        let indicator = timed(indicator);
        passes(&indicator).await;
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let pool = pool.clone();
            callers.spawn(async move {
                let statement = format!("SELECT pg_sleep({})", load.as_secs_f64());
                loop {
                    let client = pool.get().await.unwrap();
                    client.batch_execute(&statement).await.unwrap();
                }
            });
        }
        none_is_red(&indicator, load).await;
        assert!(
            callers.try_join_next().is_none(),
            "errors of the application"
        );
        callers.shutdown().await;
    }
}

/// `sleep` is the statement up to the seconds in brackets.
async fn none_is_red_over<DB: SqlxDatabase>(pool: &Pool<DB>, load: Duration, sleep: &str)
where
    for<'c> &'c Pool<DB>: Executor<'c, Database = DB>,
{
    drop(take_all(pool).await);
    let indicator = timed(SqlxIndicator::new("db", pool.clone()));
    passes(&indicator).await;
    let statement = format!("{sleep}({})", load.as_secs_f64());
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (pool, statement) = (pool.clone(), statement.clone());
        callers.spawn(async move {
            loop {
                let statement = raw_sql(AssertSqlSafe(statement.clone()));
                let executor = &pool;
                executor.execute(statement).await.unwrap();
            }
        });
    }
    none_is_red(&indicator, load).await;
    assert!(
        callers.try_join_next().is_none(),
        "errors of the application"
    );
    callers.shutdown().await;
}

async fn none_is_red(indicator: &impl HealthIndicator, load: Duration) {
    let begun_at = Instant::now();
    let (mut runs, mut passes) = (0, 0);
    while runs < RUNS || begun_at.elapsed() < by_hand().unwrap_or_default() {
        runs += 1;
        match indicator.check().await {
            Ok(observation) => passes += usize::from(observation.status() == Status::Pass),
            Err(failure) => panic!("run {runs} at {load:?}: {failure}"),
        }
    }
    println!("{load:?}: {runs} runs, {passes} passed, the others warned");
}
