//! Pools under load: 40 callers share 5 connections, which are all that the server allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool, raw_sql};
use tokio::task::JoinSet;
use tower_health::HealthIndicator;

use super::full::postgres;
use crate::deadpool::support as deadpool;
use crate::support::sqlx_pool::indicator;

const CALLERS: usize = 40;

/// How long each statement of a caller takes.
const LOADS: [Duration; 4] = [
    Duration::from_millis(5),
    Duration::from_millis(50),
    Duration::from_millis(300),
    Duration::from_secs(1),
];

/// How many runs each load sees. `TOWER_HEALTH_RUNS` sets more.
fn runs() -> usize {
    let set = std::env::var("TOWER_HEALTH_RUNS").ok();
    set.map_or(4, |runs| runs.parse().unwrap())
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn no_run_is_red_while_forty_callers_share_five_connections() {
    for load in LOADS {
        let server = postgres().await;
        let pool = PgPoolOptions::new()
            .max_connections(5)
            .acquire_timeout(Duration::from_secs(60))
            .connect_lazy_with(server.options());
        let errors = Arc::new(AtomicUsize::new(0));
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            callers.spawn(call(pool.clone(), load, Arc::clone(&errors)));
        }
        none_is_red(&indicator(&pool), load).await;
        assert_eq!(errors.load(Ordering::SeqCst), 0, "of the application");
        callers.shutdown().await;
    }
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn no_run_is_red_while_forty_callers_share_five_connections_of_deadpool() {
    for load in LOADS {
        let server = postgres().await;
        let config = deadpool::config(server.port());
        let pool = deadpool::pool_of(&config, deadpool_postgres::RecyclingMethod::Fast, 5);
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let pool = pool.clone();
            callers.spawn(async move {
                loop {
                    let client = pool.get().await.unwrap();
                    client.batch_execute(&sleep(load)).await.unwrap();
                }
            });
        }
        none_is_red(&deadpool::indicator(&pool, &config), load).await;
        assert_eq!(callers.len(), CALLERS, "errors of the application");
        callers.shutdown().await;
    }
}

async fn call(pool: PgPool, load: Duration, errors: Arc<AtomicUsize>) {
    loop {
        let done = raw_sql(AssertSqlSafe(sleep(load))).execute(&pool).await;
        errors.fetch_add(usize::from(done.is_err()), Ordering::SeqCst);
    }
}

fn sleep(load: Duration) -> String {
    format!("SELECT pg_sleep({})", load.as_secs_f64())
}

async fn none_is_red(indicator: &impl HealthIndicator, load: Duration) {
    for at in 1..=runs() {
        if let Err(failure) = indicator.check().await {
            panic!("run {at} at {load:?}: {failure}");
        }
    }
}
