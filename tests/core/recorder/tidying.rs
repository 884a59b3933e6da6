//! When a recorder tidies up, and what becomes of a pass that fails or is late.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, raw_sql};

use super::File;
use super::recording::builder;
use crate::support::recorded::{DAY, HOUR, START, Store, at, check, healthy, run_db};

async fn run_sql(file: &File, sql: String) {
    let options = SqliteConnectOptions::new().filename(file.path());
    let mut connection = options.connect().await.unwrap();
    let script = raw_sql(AssertSqlSafe(sql));
    script.execute(&mut connection).await.unwrap();
}

async fn tidied(file: &File) -> u64 {
    let options = SqliteConnectOptions::new().filename(file.path());
    let mut connection = options.connect().await.unwrap();
    let query = sqlx::query_scalar("SELECT tidied FROM tower_health_schema");
    let tidied: i64 = query.fetch_one(&mut connection).await.unwrap();
    tidied.try_into().unwrap()
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

/// A job of each night, the last of which tidied up two nights ago or did not.
#[tokio::test]
async fn processes_that_live_for_a_moment_tidy_up_too() {
    let file = File::new();
    let health = healthy().await;
    builder(&file)
        .start(&health)
        .unwrap()
        .finish()
        .await
        .unwrap();
    assert!(tidied(&file).await + HOUR > now());
    let nights_ago = |tidied: u64, seen: u64| {
        format!(
            "UPDATE tower_health_schema SET tidied = {}; UPDATE tower_health_processes SET seen = {}",
            now() - tidied * DAY,
            now() - seen * DAY
        )
    };
    // The clock may have jumped: nobody else has seen it there.
    run_sql(&file, nights_ago(2, 2)).await;
    builder(&file)
        .start(&health)
        .unwrap()
        .finish()
        .await
        .unwrap();
    assert!(tidied(&file).await + DAY < now());
    run_sql(&file, nights_ago(2, 1)).await;
    builder(&file)
        .start(&health)
        .unwrap()
        .finish()
        .await
        .unwrap();
    assert!(tidied(&file).await + HOUR > now());
}

#[tokio::test]
async fn a_pass_that_fails_is_no_write_that_fails() {
    let file = File::new();
    let health = healthy().await;
    builder(&file)
        .start(&health)
        .unwrap()
        .finish()
        .await
        .unwrap();
    let refuse = "UPDATE tower_health_schema SET tidied = 0; \
                  CREATE TRIGGER refuse BEFORE UPDATE ON tower_health_schema \
                  BEGIN SELECT RAISE(ABORT, 'not today'); END";
    run_sql(&file, refuse.to_owned()).await;
    let recorder = builder(&file).start(&health).unwrap();
    run_db(&health, 1).await;
    recorder.flush().await.unwrap();
    let stats = recorder.stats();
    assert_eq!((stats.failing_since, stats.failures), (None, 0));
    assert!(stats.last_written.is_some());
    let error = stats.tidying_error.unwrap();
    assert!(error.contains("not today"), "{error}");
}

#[tokio::test]
async fn a_pass_whose_time_is_over_goes_on_in_the_next_one() {
    let file = File::new();
    let mut process = file.process("one", at(START)).await;
    let times = (0..3_300).map(|number| at(START + number));
    let flapped = process.flap(&check("db"), times, at(START + HOUR)).await;
    flapped.unwrap();
    // Each transaction deletes a thousand.
    let passes = process.tidy_within(at(START + HOUR), 1_000, Duration::ZERO);
    assert_eq!(passes.await.unwrap(), 3);
}
