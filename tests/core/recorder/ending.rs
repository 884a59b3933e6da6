//! The recorder ends with the health, after a last write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, raw_sql};
use tower_health::{Probe, Status};

use super::File;
use super::recording::builder;
use crate::support::eventually;
use crate::support::recorded::{Store, health_of, healthy, passed_lately, run_db};

#[tokio::test]
async fn the_last_runs_are_written_when_the_last_handle_is_gone() {
    let file = File::new();
    let health = healthy().await;
    let recorder = builder(&file).start(&health).unwrap();
    recorder.flush().await.unwrap();
    run_db(&health, 3).await;
    drop(health);
    // A flush would be a write of its own.
    let archive = file.archive();
    eventually("it writes", async || passed_lately(&archive).await == 4).await;
    eventually("it ends", async || {
        let flushed = recorder.flush().await;
        flushed.is_err_and(|error| error.is_ended())
    })
    .await;
}

#[tokio::test]
async fn it_does_not_keep_the_health_alive() {
    let file = File::new();
    let health = healthy().await;
    let recorder = builder(&file).start(&health).unwrap();
    recorder.flush().await.unwrap();
    let weak = health.downgrade();
    drop(health);
    assert!(weak.upgrade().is_none());
    drop(recorder);
}

#[tokio::test]
async fn it_goes_on_without_its_handle() {
    let file = File::new();
    let health = healthy().await;
    let archive = file.archive();
    drop(builder(&file).start(&health).unwrap());
    run_db(&health, 2).await;
    drop(health);
    eventually("it has written", async || {
        file.path().exists() && count(&archive).await == Some(3)
    })
    .await;
}

/// `None` before there are tables.
async fn count(archive: &tower_health::recorder::Archive) -> Option<u32> {
    let always = std::time::UNIX_EPOCH..std::time::SystemTime::now() + Duration::from_secs(60);
    let recorded = archive.history(always, "db").await.ok()?;
    Some(crate::support::recorded::passed(&recorded))
}

#[tokio::test]
async fn it_writes_when_a_drain_begins_and_often_from_then_on() {
    let file = File::new();
    let health = healthy().await;
    let recorder = builder(&file).start(&health).unwrap();
    health.drain();
    eventually("it writes", async || {
        recorder.stats().last_written.is_some()
    })
    .await;
    run_db(&health, 2).await;
    eventually("it writes again", async || {
        passed_lately(recorder.archive()).await == 3
    })
    .await;
}

#[tokio::test]
async fn it_writes_when_a_drain_begins_while_readiness_fails() {
    let file = File::new();
    let is_up = Arc::new(AtomicBool::new(true));
    let health = health_of(&is_up).await;
    is_up.store(false, Ordering::Relaxed);
    eventually("readiness fails", async || {
        run_db(&health, 1).await;
        health.status(Probe::Readiness) == Status::Fail
    })
    .await;
    let recorder = builder(&file).start(&health).unwrap();
    health.drain();
    eventually("it writes", async || {
        recorder.stats().last_written.is_some()
    })
    .await;
}

#[tokio::test]
async fn finishing_does_not_wait_for_a_write_under_way() {
    let file = File::new();
    let health = healthy().await;
    let recorder = builder(&file).timeout(Duration::from_secs(60));
    let recorder = recorder.flush_timeout(Duration::from_millis(200));
    let recorder = recorder.start(&health).unwrap();
    recorder.flush().await.unwrap();
    let options = SqliteConnectOptions::new().filename(file.path());
    let mut other = options.connect().await.unwrap();
    raw_sql("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    run_db(&health, 1).await;
    // It waits for the lock, and nobody waits for it.
    let mut flush = Box::pin(recorder.flush());
    tokio::select! {
        biased;
        flushed = &mut flush => panic!("{flushed:?}"),
        () = tokio::task::yield_now() => {}
    }
    let error = tokio::select! {
        biased;
        flushed = flush => panic!("{flushed:?}"),
        finished = recorder.finish() => finished.unwrap_err(),
    };
    assert!(error.is_unavailable(), "{error}");
}

#[tokio::test]
async fn finishing_writes_and_ends_it_and_leaves_the_health() {
    let file = File::new();
    let health = healthy().await;
    let recorder = builder(&file).start(&health).unwrap();
    run_db(&health, 2).await;
    recorder.finish().await.unwrap();
    // The log is in the file, since the connection is closed.
    assert!(!file.path().with_extension("db-wal").exists());
    assert_eq!(passed_lately(recorder.archive()).await, 3);
    assert!(recorder.flush().await.unwrap_err().is_ended());
    assert!(recorder.finish().await.unwrap_err().is_ended());
    run_db(&health, 1).await;
}

#[tokio::test]
async fn finishing_does_not_wait_for_a_database_that_is_locked() {
    let file = File::new();
    let health = healthy().await;
    let brief = Duration::from_millis(200);
    let recorder = builder(&file).timeout(brief).flush_timeout(brief);
    let recorder = recorder.start(&health).unwrap();
    eventually("it writes", async || recorder.flush().await.is_ok()).await;
    let options = SqliteConnectOptions::new().filename(file.path());
    let mut other = options.connect().await.unwrap();
    raw_sql("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    run_db(&health, 1).await;
    let error = recorder.finish().await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
}
