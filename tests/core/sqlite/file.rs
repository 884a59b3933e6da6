//! SQLite, in a file.

use std::fs;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions, SqlitePool, raw_sql};
use tower_health::{HealthIndicator, Status};

use crate::support::runs::run;
use crate::support::sqlx_pool::{TIMEOUT, assert_no_place_is_stranded, indicator, patient, watch};
use crate::support::watched::Watched;

pub(crate) fn options(dir: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(dir.join("app.db"))
        .create_if_missing(true)
}

pub(crate) async fn pool(options: SqliteConnectOptions) -> SqlitePool {
    let pool = SqlitePoolOptions::new().max_connections(2);
    pool.connect_with(options).await.unwrap()
}

async fn with_a_table(dir: &Path) -> SqlitePool {
    let pool = pool(options(dir)).await;
    raw_sql("CREATE TABLE t (i int)")
        .execute(&pool)
        .await
        .unwrap();
    pool
}

#[tokio::test]
async fn a_file_that_is_taken_away_fails_and_passes_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let pool = with_a_table(dir.path()).await;
    let watched = watch(&pool);
    watched.passes().await;
    fs::rename(dir.path().join("app.db"), dir.path().join("away")).unwrap();
    let text = watched.fails().await;
    assert!(
        text.contains("app.db: its file is gone: No such file"),
        "{text}"
    );
    fs::rename(dir.path().join("away"), dir.path().join("app.db")).unwrap();
    watched.passes().await;
}

#[tokio::test]
async fn a_directory_in_the_place_of_the_file_fails_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("app.db");
    let pool = with_a_table(dir.path()).await;
    let indicator = patient(&pool);
    let _ = indicator.check().await.unwrap();
    fs::rename(&file, dir.path().join("away")).unwrap();
    fs::create_dir(&file).unwrap();
    let text = indicator.check().await.unwrap_err().to_string();
    assert!(text.contains("app.db: it is not a file"), "{text}");
    fs::remove_dir(&file).unwrap();
    fs::rename(dir.path().join("away"), &file).unwrap();
    let _ = indicator.check().await.unwrap();
}

#[tokio::test]
async fn a_directory_that_was_there_before_any_connection_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("app.db")).unwrap();
    let pool = SqlitePoolOptions::new().connect_lazy_with(options(dir.path()));
    let text = watch(&pool).fails().await;
    assert!(text.contains("app.db: it is not a file"), "{text}");
}

#[tokio::test]
async fn another_file_in_the_place_of_the_first_passes() {
    let dir = tempfile::tempdir().unwrap();
    let pool = with_a_table(dir.path()).await;
    let indicator = patient(&pool);
    let _ = indicator.check().await.unwrap();
    fs::copy(dir.path().join("app.db"), dir.path().join("copy")).unwrap();
    fs::rename(dir.path().join("copy"), dir.path().join("app.db")).unwrap();
    let _ = indicator.check().await.unwrap();
}

// The first connection makes the file. After that, none may make another in its place.
#[tokio::test]
async fn a_file_that_is_yet_to_be_made_passes_and_one_that_is_gone_is_not_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("app.db");
    let pool = SqlitePoolOptions::new().connect_lazy_with(options(dir.path()));
    let watched = watch(&pool);
    watched.passes().await;
    fs::remove_file(&file).unwrap();
    watched.turns_with(Status::Fail, "its file is gone").await;
    watched.runs(3).await;
    assert!(!file.exists());
}

#[tokio::test]
async fn a_database_in_memory_passes() {
    let pool = pool(SqliteConnectOptions::new().in_memory(true)).await;
    watch(&pool).passes().await;
}

#[tokio::test]
async fn a_lock_that_stays_fails_who_wants_to_write() {
    let dir = tempfile::tempdir().unwrap();
    let pool = with_a_table(dir.path()).await;
    let watched = Watched::start("db", indicator(&pool).read_write());
    watched.passes().await;
    let mut other = options(dir.path()).connect().await.unwrap();
    raw_sql("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    let text = watched.turns_with(Status::Fail, "app.db").await;
    assert!(text.contains("database is locked"), "{text}");
    assert!(text.contains("another connection holds the lock"), "{text}");
    raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    watched.passes().await;
    assert_no_place_is_stranded(&pool).await;
}

#[tokio::test]
async fn a_file_that_may_only_be_read_fails_who_wants_to_write() {
    let dir = tempfile::tempdir().unwrap();
    drop(with_a_table(dir.path()).await);
    let pool = pool(options(dir.path()).create_if_missing(false).read_only(true)).await;
    watch(&pool).passes().await;
    let watched = Watched::start("db", indicator(&pool).read_write());
    let text = watched.fails().await;
    assert!(
        text.contains("the file or its directory is read-only"),
        "{text}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_has_its_own_message() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("app.db"), "x".repeat(4096)).unwrap();
    let pool = SqlitePoolOptions::new().connect_lazy_with(options(dir.path()));
    let text = watch(&pool).fails().await;
    assert!(text.contains("file is not a database"), "{text}");
}

#[tokio::test]
async fn looking_whether_it_takes_writes_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let pool = with_a_table(dir.path()).await;
    raw_sql("PRAGMA user_version = 7")
        .execute(&pool)
        .await
        .unwrap();
    let before = fs::read(dir.path().join("app.db")).unwrap();
    assert_eq!(run(&indicator(&pool).read_write(), 3, TIMEOUT).await, 3);
    assert_eq!(fs::read(dir.path().join("app.db")).unwrap(), before);
}

#[tokio::test]
async fn an_exhausted_pool_warns() {
    let dir = tempfile::tempdir().unwrap();
    let pool = with_a_table(dir.path()).await;
    let watched = watch(&pool);
    watched.passes().await;
    let taken = [pool.acquire().await.unwrap(), pool.acquire().await.unwrap()];
    watched
        .turns_with(
            Status::Warn,
            "the pool is exhausted: 2 of 2 connections are in use",
        )
        .await;
    drop(taken);
    watched.passes().await;
}
