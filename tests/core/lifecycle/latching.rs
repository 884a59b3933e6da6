//! Startup is a latch: nothing that happens later takes it back.

use tower_health::{Health, Probe, Status};

use super::support::{answer, told_of_probes};
use crate::support::{Dial, lapse, secs, settle, steady};

const PASS: (u16, Status) = (200, Status::Pass);

async fn started() -> (Health, Dial, Dial) {
    let (schema, db) = (Dial::at(Status::Pass), Dial::at(Status::Pass));
    let health = steady()
        .startup(schema.check("schema"))
        .readiness(db.check("db"))
        .gate("migrations")
        .start()
        .unwrap();
    health.gate("migrations").unwrap().complete();
    settle().await;
    assert_eq!(answer(&health, Probe::Startup).await, PASS);
    (health, schema, db)
}

#[tokio::test(start_paused = true)]
async fn a_later_failure_does_not_take_startup_back() {
    let (health, schema, db) = started().await;
    schema.turn(Status::Fail);
    db.turn(Status::Fail);
    lapse(secs(60)).await;
    assert_eq!(answer(&health, Probe::Readiness).await, (503, Status::Fail));
    assert_eq!(answer(&health, Probe::Startup).await, PASS);
}

#[tokio::test(start_paused = true)]
async fn a_startup_check_that_is_added_later_is_refused_and_takes_nothing_back() {
    let (health, ..) = started().await;
    let late = Dial::at(Status::Fail);
    let error = health.add_startup(late.check("late")).await.unwrap_err();
    assert!(error.is_too_late());
    assert_eq!(
        error.to_string(),
        r#"startup check "late": startup is already complete"#
    );
    lapse(secs(10)).await;
    assert_eq!(late.runs(), 0);
    assert_eq!(answer(&health, Probe::Startup).await, PASS);
}

#[tokio::test(start_paused = true)]
async fn a_startup_check_that_is_added_in_time_is_waited_for() {
    let health = steady().gate("migrations").start().unwrap();
    let late = Dial::at(Status::Fail);
    health.add_startup(late.check("late")).await.unwrap();
    health.gate("migrations").unwrap().complete();
    settle().await;
    assert_eq!(answer(&health, Probe::Startup).await, (503, Status::Fail));

    late.turn(Status::Pass);
    lapse(secs(1)).await;
    assert_eq!(answer(&health, Probe::Startup).await, PASS);
}

#[tokio::test(start_paused = true)]
async fn nothing_that_the_process_says_of_itself_takes_startup_back() {
    let (health, ..) = started().await;
    health.mark_broken("poisoned lock");
    health.refuse_traffic("maintenance");
    health.drain();
    drop(health.heartbeat("consumer", secs(1)).unwrap());
    health.remove_startup("schema").await.unwrap();
    lapse(secs(60)).await;
    assert_eq!(answer(&health, Probe::Startup).await, PASS);
}

#[tokio::test(start_paused = true)]
async fn completing_startup_is_announced_once() {
    let schema = Dial::at(Status::Fail);
    let health = steady().startup(schema.check("schema")).start().unwrap();
    let mut transitions = health.subscribe();
    lapse(secs(3)).await;
    schema.turn(Status::Pass);
    lapse(secs(60)).await;
    assert_eq!(
        told_of_probes(&mut transitions).await,
        ["readiness: fail -> pass", "startup: fail -> pass"]
    );
}
