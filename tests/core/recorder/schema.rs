//! The tables: made once, refused if they are newer, and made by hand where that is wanted.

use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, raw_sql};
use tokio::task::{JoinSet, LocalSet};
use tower_health::recorder::SQLITE_SCHEMA;
use tower_health::{Probe, Status};

use super::File;
use super::recording::builder;
use crate::support::recorded::{Store, healthy, passed_lately};

async fn run(file: &File, statements: &str) {
    let options = SqliteConnectOptions::new()
        .filename(file.path())
        .create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    let statements = AssertSqlSafe(statements.to_owned());
    raw_sql(statements).execute(&mut connection).await.unwrap();
}

#[tokio::test]
async fn a_schema_that_is_newer_is_an_error_that_says_so() {
    let file = File::new();
    let health = healthy().await;
    let recorder = builder(&file).start(&health).unwrap();
    recorder.finish().await.unwrap();
    run(&file, "UPDATE tower_health_schema SET version = 2").await;
    let recorder = builder(&file).start(&health).unwrap();
    let error = recorder.flush().await.unwrap_err();
    assert!(error.is_schema(), "{error}");
    let told = "the history in the database has version 2, and this release of tower-health only \
                knows versions up to 1";
    assert!(error.to_string().starts_with(told), "{error}");
    let now = std::time::SystemTime::now();
    let read = recorder
        .history(now - Duration::from_secs(60)..now, "db")
        .await;
    assert!(read.unwrap_err().is_schema());
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
    run(&file, "UPDATE tower_health_schema SET version = 1").await;
    recorder.flush().await.unwrap();
}

#[tokio::test]
async fn without_migrations_the_tables_are_made_by_hand() {
    let file = File::new();
    let health = healthy().await;
    let recorder = builder(&file).without_migrations().start(&health).unwrap();
    let error = recorder.flush().await.unwrap_err();
    assert!(error.is_schema(), "{error}");
    assert!(
        error.to_string().contains("tower_health_schema is missing"),
        "{error}"
    );
    run(&file, SQLITE_SCHEMA[0]).await;
    recorder.flush().await.unwrap();
    assert_eq!(passed_lately(&file.archive()).await, 1);
}

#[tokio::test]
async fn recorders_that_start_at_once_make_the_tables_once() {
    let file = File::new();
    let (local, mut tasks) = (LocalSet::new(), JoinSet::new());
    for number in 0..8 {
        let file = file.clone();
        let started = async move {
            let health = healthy().await;
            let recorder = builder(&file).instance(format!("shop-{}", number % 3));
            let recorder = recorder
                .timeout(Duration::from_secs(30))
                .start(&health)
                .unwrap();
            crate::support::eventually("it writes", async || recorder.flush().await.is_ok()).await;
        };
        tasks.spawn_local_on(started, &local);
    }
    while let Some(done) = local.run_until(tasks.join_next()).await {
        done.unwrap();
    }
    assert_eq!(passed_lately(&file.archive()).await, 8);
}

#[tokio::test]
async fn an_archive_makes_no_file() {
    let file = File::new();
    let now = std::time::SystemTime::now();
    let read = file
        .archive()
        .history(now - Duration::from_secs(60)..now, "db")
        .await;
    assert!(read.unwrap_err().is_unavailable());
    assert!(!file.path().exists());
}
