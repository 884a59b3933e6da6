//! A database that cannot be written harms no health, and loses nothing that is still in memory.

use std::fs;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, raw_sql};
use tower_health::recorder::{Recorder, RecorderError};
use tower_health::{Health, Probe, Status};
use tracing_subscriber::fmt::MakeWriter;

use super::File;
use super::recording::builder;
use crate::support::eventually;
use crate::support::recorded::{healthy, passed_lately, run_db};

/// Writes fail, and nobody else notices.
async fn fails(recorder: &Recorder, health: &Health) -> RecorderError {
    run_db(health, 1).await;
    let error = recorder.flush().await.unwrap_err();
    run_db(health, 1).await;
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
    let stats = recorder.stats();
    assert!(
        stats.failing_since.is_some() && stats.failures > 0,
        "{stats:?}"
    );
    assert_eq!(stats.error, Some(error.to_string()));
    error
}

/// Writes succeed again, and nothing is missing.
async fn recovers(recorder: &Recorder, health: &Health) {
    eventually("it writes again", async || recorder.flush().await.is_ok()).await;
    let stats = recorder.stats();
    assert_eq!((stats.failing_since, &stats.error), (None, &None));
    assert_eq!((stats.lost_minutes, stats.lost_transitions), (0, 0));
    let runs = health.runs(Probe::Readiness, "db").unwrap().samples().len();
    assert_eq!(passed_lately(recorder.archive()).await as usize, runs);
    let transitions = recorder.transitions(
        std::time::UNIX_EPOCH..std::time::SystemTime::now(),
        tower_health::recorder::Selection::all(),
    );
    assert_eq!(transitions.await.unwrap().len(), health.history().len());
}

async fn connect(file: &File) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file.path());
    options.connect().await.unwrap()
}

#[tokio::test]
async fn a_file_that_another_process_has_locked() {
    let file = File::new();
    let health = healthy().await;
    let recorder = builder(&file).timeout(Duration::from_millis(300));
    let recorder = recorder.start(&health).unwrap();
    recorder.flush().await.unwrap();
    let mut other = connect(&file).await;
    raw_sql("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    let error = fails(&recorder, &health).await;
    assert!(
        error.to_string().contains("does not answer within 300ms"),
        "{error}"
    );
    // There is no second attempt beside the one that still waits for the lock.
    let error = fails(&recorder, &health).await;
    assert!(error.to_string().contains("has still not done"), "{error}");
    // What is there can be read.
    assert_eq!(passed_lately(recorder.archive()).await, 1);
    raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    recovers(&recorder, &health).await;
}

#[tokio::test]
async fn a_file_that_is_deleted_is_made_anew_with_all_that_is_in_memory() {
    let file = File::new();
    let health = healthy().await;
    let recorder = builder(&file).start(&health).unwrap();
    for others in [&["db"][..], &["db", "db-wal", "db-shm"], &[]] {
        run_db(&health, 2).await;
        recorder.flush().await.unwrap();
        for extension in others {
            fs::remove_file(file.path().with_extension(extension)).unwrap();
        }
        run_db(&health, 1).await;
        recovers(&recorder, &health).await;
    }
    // Another in its place.
    fs::rename(file.path(), file.path().with_extension("away")).unwrap();
    drop(
        builder(&file)
            .instance("other")
            .start(&health)
            .unwrap()
            .finish()
            .await,
    );
    assert!(file.path().exists());
    recorder.flush().await.unwrap();
    let runs = health.runs(Probe::Readiness, "db").unwrap().samples().len();
    assert_eq!(passed_lately(recorder.archive()).await as usize, 2 * runs);
}

#[tokio::test]
async fn a_file_that_is_no_database() {
    let file = File::new();
    fs::write(file.path(), "x".repeat(4096)).unwrap();
    let health = healthy().await;
    let recorder = builder(&file).start(&health).unwrap();
    let error = fails(&recorder, &health).await;
    assert!(error.to_string().contains("not a database"), "{error}");
    fs::remove_file(file.path()).unwrap();
    recovers(&recorder, &health).await;
}

#[tokio::test]
async fn a_directory_that_is_missing() {
    let file = File::new();
    let health = healthy().await;
    let path = file.path().with_extension("missing").join("health.db");
    let recorder = Recorder::sqlite(&path)
        .service("shop")
        .start(&health)
        .unwrap();
    let error = fails(&recorder, &health).await;
    assert!(
        error.to_string().contains("unable to open database file"),
        "{error}"
    );
    fs::create_dir(path.parent().unwrap()).unwrap();
    recovers(&recorder, &health).await;
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_log_has_one_line_for_each_change() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false);
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let file = File::new();
    let health = healthy().await;
    let recorder = builder(&file).start(&health).unwrap();
    recorder.flush().await.unwrap();
    for _ in 0..2 {
        fs::write(file.path().with_extension("new"), "x".repeat(4096)).unwrap();
        fs::rename(file.path().with_extension("new"), file.path()).unwrap();
        // SQLite would find the first page of the old file in its log.
        fs::remove_file(file.path().with_extension("db-wal")).unwrap();
        for _ in 0..3 {
            fails(&recorder, &health).await;
        }
        fs::remove_file(file.path()).unwrap();
        recovers(&recorder, &health).await;
        recovers(&recorder, &health).await;
    }
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.contains("health history"))
        .collect();
    let is_failing = |line: &&str| line.contains("WARN") && line.contains("cannot be written");
    let is_recovered = |line: &&str| line.contains("INFO") && line.contains("is written again");
    assert!(is_failing(&lines[0]) && is_recovered(&lines[1]), "{text}");
    assert!(is_failing(&lines[2]) && is_recovered(&lines[3]), "{text}");
    assert_eq!(lines.len(), 4, "{text}");
}
