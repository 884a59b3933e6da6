//! SQLite, and what a look at it may not take away.

use std::time::Duration;

use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{ConnectOptions, Row, SqlitePool, raw_sql};
use tower_health::{HealthIndicator, Status};

use super::file::{options, pool};
use crate::support::eventually;
use crate::support::runs::run;
use crate::support::sqlx_pool::{TIMEOUT, assert_no_place_is_stranded, indicator, watch};
use crate::support::watched::Watched;

async fn one_in_memory(url: &str) -> SqlitePool {
    let pool = SqlitePoolOptions::new().max_connections(1);
    let pool = pool.connect_with(url.parse().unwrap()).await.unwrap();
    raw_sql("CREATE TABLE t (i int)")
        .execute(&pool)
        .await
        .unwrap();
    pool
}

// It is gone with its last connection.
#[tokio::test]
async fn a_run_that_fails_keeps_a_database_in_memory() {
    for url in ["sqlite::memory:", "sqlite://some.db?mode=memory"] {
        let pool = one_in_memory(url).await;
        let indicator = indicator(&pool)
            .read_write()
            .write_statement("BEGIN; INSERT INTO t VALUES (1); INSERT INTO missing VALUES (1)");
        for _ in 0..3 {
            let text = indicator.check().await.unwrap_err().output().to_owned();
            assert!(text.contains("no such table: missing"), "{url}: {text}");
        }
        assert_no_place_is_stranded(&pool).await;
        let count = raw_sql("SELECT count(*) FROM t").fetch_one(&pool).await;
        assert_eq!(count.unwrap().get::<i64, _>(0), 0, "{url}");
    }
}

// sqlx closes a connection when it is dropped while it is tested.
#[tokio::test]
async fn a_run_that_is_aborted_keeps_a_database_in_memory() {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .before_acquire(|_, _| {
            Box::pin(async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok(true)
            })
        })
        .connect_with("sqlite::memory:".parse().unwrap())
        .await
        .unwrap();
    raw_sql("CREATE TABLE t (i int)")
        .execute(&pool)
        .await
        .unwrap();
    for _ in 0..3 {
        eventually("it is back", async || pool.num_idle() == 1).await;
        run(&indicator(&pool), 1, Duration::from_millis(20)).await;
    }
    raw_sql("SELECT * FROM t").execute(&pool).await.unwrap();
}

#[tokio::test]
async fn a_database_in_memory_takes_writes_unless_configured_otherwise() {
    let pool = one_in_memory("sqlite::memory:").await;
    let watched = Watched::start("db", indicator(&pool).read_write());
    watched.passes().await;
    raw_sql("PRAGMA query_only = 1")
        .execute(&pool)
        .await
        .unwrap();
    watched
        .turns_with(Status::Fail, "accepts no writes: query_only is set")
        .await;
}

#[tokio::test]
async fn a_file_that_is_not_to_be_created_fails_while_it_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let pool = SqlitePoolOptions::new().connect_lazy_with(options.clone().create_if_missing(false));
    let watched = watch(&pool);
    let text = watched.fails().await;
    assert!(text.contains("the file cannot be opened"), "{text}");
    let mut created = options.connect().await.unwrap();
    raw_sql("CREATE TABLE t (i int)")
        .execute(&mut created)
        .await
        .unwrap();
    watched.passes().await;
}

// The limit of SQLite itself stands in for that of the disk: the code is the same.
#[tokio::test]
async fn a_full_disk_fails_a_statement_that_needs_room() {
    let dir = tempfile::tempdir().unwrap();
    let full = options(dir.path()).pragma("max_page_count", "2");
    let pool = pool(full).await;
    raw_sql("CREATE TABLE t (b blob)")
        .execute(&pool)
        .await
        .unwrap();
    let statement = "BEGIN; INSERT INTO t VALUES (zeroblob(20000)); ROLLBACK";
    let watched = Watched::start("db", indicator(&pool).write_statement(statement));
    let text = watched.fails().await;
    assert!(text.contains("(13: the disk is full)"), "{text}");
    // That it may be written at all does not find it.
    assert_eq!(run(&indicator(&pool).read_write(), 1, TIMEOUT).await, 1);
}

/// As the threads of one test are called.
#[cfg(target_os = "linux")]
const WORKER: &str = "waits";

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_lock_that_stays_leaves_no_waits_and_no_settings_behind() {
    let dir = tempfile::tempdir().unwrap();
    let patient = options(dir.path())
        .busy_timeout(Duration::from_secs(60))
        .thread_name(|id| format!("{WORKER}-{id}"));
    let pool = pool(patient).await;
    assert_eq!(run(&indicator(&pool).read_write(), 1, TIMEOUT).await, 1);
    let mut connection = pool.acquire().await.unwrap();
    let shown = raw_sql("PRAGMA busy_timeout").fetch_one(&mut *connection);
    assert_eq!(shown.await.unwrap().get::<i64, _>(0), 60_000);
    drop(connection);

    let mut other = options(dir.path()).connect().await.unwrap();
    raw_sql("BEGIN EXCLUSIVE")
        .execute(&mut other)
        .await
        .unwrap();
    assert_eq!(
        run(
            &indicator(&pool).read_write(),
            20,
            Duration::from_millis(20)
        )
        .await,
        0
    );
    eventually("threads end", async || workers() == 0).await;
    assert_no_place_is_stranded(&pool).await;
}

/// How many threads serve a connection of that test. All of its own were closed.
#[cfg(target_os = "linux")]
fn workers() -> usize {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with(WORKER))
        .count()
}
