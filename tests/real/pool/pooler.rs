//! A pool whose connections lead to PgBouncer, which gives each transaction a connection of the
//! server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::raw_sql;
use tokio::task::JoinSet;
use tower_health::indicators::SqlxIndicator;
use tower_health::{HealthIndicator, Status};

use super::full::take_all;
use crate::servers::pgbouncer::PgBouncer;
use crate::servers::postgres::Postgres;
use crate::support::runs::passes;
use crate::support::sqlx_pool::{indicator, patient};

const CALLERS: u32 = 40;

/// 40 callers with this statement on two connections wait for more than three seconds.
const STATEMENT: &str = "SELECT pg_sleep(0.16)";

#[tokio::test]
#[ignore = "needs PgBouncer: run .ci/test"]
async fn no_run_is_red_behind_a_pooler_at_full_use_and_no_connection_to_it_is_lost() {
    let server = Postgres::start().await;
    let pooler = PgBouncer::start(&server, 2, 100).await;
    let opened = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&opened);
    let pool = PgPoolOptions::new()
        .max_connections(CALLERS + 1)
        .acquire_timeout(Duration::from_secs(60))
        .after_connect(move |_, _| {
            counted.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Ok(()) })
        })
        .connect_lazy_with(server.options().port(pooler.port()));
    let indicator = indicator(&pool).behind_pooler();
    // A busy machine makes the queue longer still.
    let timeout = HealthIndicator::timeout(&indicator).unwrap() * 6;
    let indicator = indicator.timeout(timeout);
    assert_eq!(indicator.check().await.unwrap().status(), Status::Pass);
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let pool = pool.clone();
        callers.spawn(async move {
            loop {
                raw_sql(STATEMENT).execute(&pool).await.unwrap();
            }
        });
    }
    for _ in 0..4 {
        let observation = indicator.check().await.unwrap();
        assert_eq!(observation.status(), Status::Pass, "{observation:?}");
    }
    assert!(
        callers.try_join_next().is_none(),
        "errors of the application"
    );
    // Each that is lost is opened anew.
    let opened = opened.load(Ordering::SeqCst);
    assert!(opened <= CALLERS + 1, "{opened} connections");
    callers.shutdown().await;
}

#[tokio::test]
#[ignore = "needs PgBouncer: run .ci/test"]
async fn an_exhausted_pool_that_holds_all_that_a_pooler_allows_warns() {
    let server = Postgres::start().await;
    let pooler = PgBouncer::start(&server, 2, 3).await;
    let pool = PgPoolOptions::new()
        .max_connections(3)
        .connect_lazy_with(server.options().port(pooler.port()));
    let indicator = patient(&pool);
    passes(&indicator).await;
    let _taken = take_all(&pool).await;
    let observation = indicator.check().await.unwrap();
    assert_eq!(observation.status(), Status::Warn, "{observation:?}");
    let text = observation.output().unwrap();
    assert!(text.contains("no more connections allowed"), "{text}");
}

#[tokio::test]
#[ignore = "needs PgBouncer: run .ci/test"]
async fn a_pooler_whose_server_is_down_fails() {
    let mut server = Postgres::start().await;
    let pooler = PgBouncer::start(&server, 2, 100).await;
    let pool = PgPoolOptions::new().connect_lazy_with(server.options().port(pooler.port()));
    let indicator = || SqlxIndicator::<sqlx::Postgres>::new("db", pool.clone()).behind_pooler();
    let by_default = indicator();
    // Without its default of 15 s, for a shorter test.
    let indicator = indicator().timeout(Duration::from_secs(3));
    passes(&by_default).await;
    passes(&indicator).await;
    server.kill();
    indicator.check().await.unwrap_err();
    indicator.check().await.unwrap_err();
    by_default.check().await.unwrap_err();
}

// It says itself that it accepts no further connection, whatever its server does.
#[tokio::test]
#[ignore = "needs PgBouncer: run .ci/test"]
async fn a_full_pooler_whose_server_is_down_fails() {
    let mut server = Postgres::start().await;
    let pooler = PgBouncer::start(&server, 2, 3).await;
    let pool = PgPoolOptions::new()
        .max_connections(3)
        .connect_lazy_with(server.options().port(pooler.port()));
    let indicator = SqlxIndicator::<sqlx::Postgres>::new("db", pool.clone())
        .behind_pooler()
        .timeout(Duration::from_secs(3));
    passes(&indicator).await;
    let taken = take_all(&pool).await;
    server.kill();
    for _ in 0..2 {
        let failure = indicator.check().await.unwrap_err();
        let text = failure.output();
        assert!(text.contains("no more connections allowed"), "{text}");
    }
    drop(taken);
}
