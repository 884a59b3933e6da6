//! A Postgres that is killed, frozen, read-only or locked harms no health, and gets all that is still
//! in memory once it is back.

use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::{ConnectOptions, PgPool, raw_sql};
use tower_health::recorder::{Recorder, RecorderBuilder};
use tower_health::{Health, Probe, Status};

use crate::servers::postgres::Postgres;
use crate::support::eventually;
use crate::support::recorded::{healthy, passed_lately, run_db};
use crate::support::sqlx_pool::assert_no_place_is_stranded;

pub(super) fn pool(server: &Postgres) -> PgPool {
    let options = PgPoolOptions::new().max_connections(2);
    options.connect_lazy_with(server.options())
}

/// One that writes only when it is told to.
pub(super) fn builder(pool: &PgPool) -> RecorderBuilder {
    configured(Recorder::postgres(pool.clone()))
}

fn configured(builder: RecorderBuilder) -> RecorderBuilder {
    let builder = builder.service("shop").instance("shop-1");
    let builder = builder.interval(Duration::from_secs(45 * 60));
    builder.timeout(Duration::from_secs(2))
}

/// Writes fail, and nobody else notices.
pub(super) async fn fails(recorder: &Recorder, health: &Health) -> String {
    run_db(health, 1).await;
    let error = recorder.flush().await.unwrap_err();
    run_db(health, 1).await;
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
    assert!(recorder.stats().failing_since.is_some());
    error.to_string()
}

/// Writes succeed again, and nothing is missing or there twice.
pub(super) async fn recovers(recorder: &Recorder, health: &Health) {
    eventually("it writes again", async || recorder.flush().await.is_ok()).await;
    let stats = recorder.stats();
    assert_eq!((stats.failing_since, stats.lost_minutes), (None, 0));
    let runs = health.runs(Probe::Readiness, "db").unwrap().samples().len();
    assert_eq!(passed_lately(recorder.archive()).await as usize, runs);
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_server_that_is_killed_and_comes_back_has_every_minute() {
    let mut server = Postgres::start().await;
    let pool = pool(&server);
    let health = healthy().await;
    let recorder = builder(&pool).start(&health).unwrap();
    recovers(&recorder, &health).await;
    server.kill();
    for _ in 0..3 {
        fails(&recorder, &health).await;
    }
    server.restart().await;
    recovers(&recorder, &health).await;
    assert_no_place_is_stranded(&pool).await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_server_that_is_frozen_takes_no_longer_than_the_timeout_and_no_place_of_the_pool() {
    let mut server = Postgres::start().await;
    let pool = pool(&server);
    let health = healthy().await;
    let recorder = builder(&pool).start(&health).unwrap();
    recovers(&recorder, &health).await;
    server.freeze();
    let text = fails(&recorder, &health).await;
    assert!(text.contains("does not answer within 2s"), "{text}");
    fails(&recorder, &health).await;
    server.thaw();
    recovers(&recorder, &health).await;
    assert_no_place_is_stranded(&pool).await;
    recorder.finish().await.unwrap();
    // None is left in a transaction, and none is lost to the application.
    let open = "SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
    let left = raw_sql(open)
        .fetch_all(&mut server.admin().await)
        .await
        .unwrap();
    assert!(left.is_empty(), "{}", left.len());
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_connection_of_its_own_is_renewed_when_the_server_ends_it() {
    let server = Postgres::start().await;
    let health = healthy().await;
    let password = crate::servers::postgres::PASSWORD;
    let url = format!(
        "postgres://app:{password}@127.0.0.1:{}/orders",
        server.port()
    );
    let recorder = configured(Recorder::postgres_url(&url))
        .start(&health)
        .unwrap();
    for _ in 0..3 {
        run_db(&health, 1).await;
        recorder.flush().await.unwrap();
        server.terminate().await;
    }
    assert_eq!(recorder.stats().failures, 0);
    recovers(&recorder, &health).await;
    recorder.finish().await.unwrap();
    eventually("its connection ends", async || {
        server.connections().await == 0
    })
    .await;
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_standby_is_read_only_until_it_is_promoted() {
    let server = Postgres::start().await;
    let health = healthy().await;
    let first = builder(&pool(&server))
        .instance("shop-0")
        .start(&health)
        .unwrap();
    first.finish().await.unwrap();
    let standby = server.standby().await;
    let recorder = builder(&pool(&standby)).start(&health).unwrap();
    let text = fails(&recorder, &health).await;
    assert!(text.contains("read-write mode during recovery"), "{text}");
    standby.run("SELECT pg_promote()").await;
    eventually("it writes", async || recorder.flush().await.is_ok()).await;
    // What the other recorder wrote came over with the standby.
    let runs = health.runs(Probe::Readiness, "db").unwrap().samples().len();
    assert_eq!(passed_lately(recorder.archive()).await as usize, runs + 1);
}

#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_process_that_stands_still_while_it_tidies_keeps_nobody_from_writing() {
    let server = Postgres::start().await;
    let health = healthy().await;
    let recorder = builder(&pool(&server)).start(&health).unwrap();
    recovers(&recorder, &health).await;
    let mut other = server.options().connect().await.unwrap();
    let lock = "BEGIN; SELECT 1 FROM tower_health_schema FOR UPDATE";
    raw_sql(lock).execute(&mut other).await.unwrap();
    run_db(&health, 2).await;
    recovers(&recorder, &health).await;
    // One that holds the row of this process is waited for, within the timeout.
    let lock = "SELECT 1 FROM tower_health_processes FOR UPDATE";
    raw_sql(lock).execute(&mut other).await.unwrap();
    fails(&recorder, &health).await;
    drop(other);
    recovers(&recorder, &health).await;
}

// The server does not notice that nobody waits for an answer any more.
#[tokio::test]
#[ignore = "needs Postgres: run .ci/test"]
async fn a_query_that_nobody_waits_for_ends_on_the_server_too() {
    let server = Postgres::start().await;
    let pool = pool(&server);
    let health = healthy().await;
    let recorder = builder(&pool).start(&health).unwrap();
    recovers(&recorder, &health).await;
    let mut other = server.options().connect().await.unwrap();
    for table in ["schema", "buckets"] {
        let lock = format!("BEGIN; LOCK TABLE tower_health_{table}");
        raw_sql(sqlx::AssertSqlSafe(lock))
            .execute(&mut other)
            .await
            .unwrap();
        let archive = recorder.archive().clone();
        let now = std::time::SystemTime::now();
        let read = archive
            .history(now - Duration::from_secs(60)..now, "db")
            .await;
        let error = read.unwrap_err();
        assert!(error.is_unavailable(), "{error}");
        let mut admin = server.admin().await;
        eventually("it waits no longer", async || {
            let waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
            let waiting = raw_sql(waiting).fetch_all(&mut admin).await.unwrap();
            waiting.is_empty()
        })
        .await;
        raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    }
    recovers(&recorder, &health).await;
}
