//! The dead man's switch.

use std::thread;
use std::time::Duration;

use tokio::time::sleep;
use tower_health::indicators::PushIndicator;
use tower_health::{Failure, HealthIndicator, Observation, Status};

use super::support::{number, output, readings, status};
use crate::support::watched::{Watched, refused};

const TIME_TO_LIVE: Duration = Duration::from_secs(90);

fn import() -> PushIndicator {
    PushIndicator::new("import", TIME_TO_LIVE)
}

async fn told(import: &PushIndicator) -> (Status, String) {
    let result = import.check().await;
    (status(&result), output(&result).to_owned())
}

fn failed(output: &str) -> (Status, String) {
    (Status::Fail, output.to_owned())
}

// push:     pass                      pass
// time:     0s        90s             100s
// readyz:   200 . . . 503 . . . . . . 200
#[tokio::test(start_paused = true)]
async fn readiness_fails_when_no_push_came_in_time_and_recovers_with_the_next() {
    let import = import();
    let watched = Watched::start("import", import.clone());
    watched.turns_with(Status::Fail, "no push yet").await;
    import.pass();
    watched.passes().await;
    sleep(TIME_TO_LIVE).await;
    let output = watched.fails().await;
    assert_eq!(output, "no push for 1m 30s; the last one passed");
    import.pass();
    watched.passes().await;
}

#[tokio::test(start_paused = true)]
async fn a_push_holds_for_its_time_to_live_and_not_longer() {
    let import = import();
    import.pass();
    sleep(TIME_TO_LIVE - Duration::from_millis(1)).await;
    assert_eq!(told(&import).await.0, Status::Pass);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(told(&import).await.0, Status::Fail);
}

#[tokio::test(start_paused = true)]
async fn what_is_overdue_tells_the_last_text() {
    let import = import();
    assert_eq!(told(&import).await, failed("no push yet"));
    import.warn("3 rows skipped");
    assert_eq!(told(&import).await, (Status::Warn, "3 rows skipped".into()));
    sleep(TIME_TO_LIVE).await;
    let overdue = "no push for 1m 30s; the last one warned: 3 rows skipped";
    assert_eq!(told(&import).await, failed(overdue));
    import.fail("the file is empty");
    assert_eq!(told(&import).await, failed("the file is empty"));
    sleep(TIME_TO_LIVE * 2).await;
    let overdue = "no push for 1m 30s; the last one failed: the file is empty";
    assert_eq!(told(&import).await, failed(overdue));
}

#[tokio::test(start_paused = true)]
async fn the_age_of_the_last_push_is_a_reading_beside_those_that_were_pushed() {
    let import = import();
    assert!(readings(&import.check().await).is_empty());
    import.push(Ok(Observation::pass().measurement("rows", 7, "rows")));
    sleep(Duration::from_secs(12)).await;
    let result = import.check().await;
    assert_eq!(number(&result, "rows", "rows"), 7.0);
    assert_eq!(number(&result, "lastPush", "s"), 12.0);
    sleep(TIME_TO_LIVE).await;
    assert_eq!(number(&import.check().await, "lastPush", "s"), 102.0);
    import.push(Err(Failure::new("none").measurement("rows", 0, "rows")));
    let result = import.check().await;
    assert_eq!(number(&result, "rows", "rows"), 0.0);
    assert_eq!(number(&result, "lastPush", "s"), 0.0);
}

#[tokio::test]
async fn a_thread_outside_of_the_runtime_pushes() {
    let import = import();
    let elsewhere = import.clone();
    thread::spawn(move || elsewhere.pass()).join().unwrap();
    assert_eq!(told(&import).await.0, Status::Pass);
}

#[test]
fn a_push_that_lives_for_no_time_is_refused() {
    let said = refused(PushIndicator::new("import", Duration::ZERO));
    assert_eq!(said, r#""import": time_to_live must be longer than zero"#);
}
