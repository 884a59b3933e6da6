//! Gates: startup steps that are held open until they are done.

use tower_health::{Probe, Status};

use super::support::{answer, report};
use crate::support::{settle, steady};

const OPEN: (u16, Status) = (503, Status::Fail);
const STARTED: (u16, Status) = (200, Status::Pass);

#[tokio::test(start_paused = true)]
async fn startup_passes_when_the_last_gate_is_completed() {
    let health = steady().gate("migrations").gate("warmup").start().unwrap();
    let migrations = health.gate("migrations").unwrap();
    let warmup = health.gate("warmup").unwrap();
    assert_eq!((migrations.name(), warmup.name()), ("migrations", "warmup"));

    warmup.complete();
    assert_eq!(answer(&health, Probe::Startup).await, OPEN);

    migrations.complete();
    // At once: no round of the refresher is needed.
    assert_eq!(answer(&health, Probe::Startup).await, STARTED);
    assert_eq!(answer(&health, Probe::Readiness).await, STARTED);
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_failed_fails_startup_for_good_and_says_why() {
    let health = steady().gate("migrations").gate("warmup").start().unwrap();
    health
        .gate("migrations")
        .unwrap()
        .fail("column exists already");
    health.gate("warmup").unwrap().complete();
    settle().await;

    assert_eq!(answer(&health, Probe::Startup).await, OPEN);
    let report = report(&health, Probe::Startup).await;
    assert_eq!(report["output"], "migrations: column exists already");
    let step = &report["checks"]["migrations"][0];
    assert_eq!(step["status"], "fail");
    assert_eq!(step["output"], "column exists already");
    assert_eq!(report["checks"]["warmup"][0]["status"], "pass");
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_is_dropped_before_its_end_fails_startup_and_says_so() {
    let health = steady().gate("migrations").start().unwrap();
    drop(health.gate("migrations").unwrap());

    assert_eq!(answer(&health, Probe::Startup).await, OPEN);
    let report = report(&health, Probe::Startup).await;
    assert_eq!(
        report["output"],
        "migrations: dropped before it was completed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_a_panic_dropped_fails_startup() {
    let health = steady().gate("migrations").start().unwrap();
    let gate = health.gate("migrations").unwrap();
    let step = tokio::spawn(async move {
        let _gate = gate;
        panic!("the schema is not what I thought");
    });
    step.await.unwrap_err();

    assert_eq!(answer(&health, Probe::Startup).await, OPEN);
    let report = report(&health, Probe::Startup).await;
    assert_eq!(
        report["output"],
        "migrations: dropped before it was completed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_an_aborted_task_dropped_fails_startup() {
    let health = steady().gate("migrations").start().unwrap();
    let gate = health.gate("migrations").unwrap();
    let step = tokio::spawn(async move {
        std::future::pending::<()>().await;
        gate.complete();
    });
    settle().await;
    step.abort();
    step.await.unwrap_err();

    let report = report(&health, Probe::Startup).await;
    assert_eq!(
        report["output"],
        "migrations: dropped before it was completed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_was_not_taken_holds_startup_open_and_is_named() {
    let health = steady().gate("migrations").gate("warmup").start().unwrap();
    health.gate("warmup").unwrap().complete();

    assert_eq!(answer(&health, Probe::Startup).await, OPEN);
    let report = report(&health, Probe::Startup).await;
    assert_eq!(report["output"], "migrations: not completed yet");
    assert_eq!(report["checks"]["migrations"][0]["status"], "fail");
    assert_eq!(report["checks"]["migrations"][0]["componentType"], "system");
}

#[tokio::test(start_paused = true)]
async fn a_gate_is_taken_once() {
    let health = steady().gate("migrations").start().unwrap();
    let gate = health.gate("migrations").unwrap();

    let error = health.clone().gate("migrations").unwrap_err();
    assert!(error.is_too_late());
    assert_eq!(
        error.to_string(),
        r#"gate "migrations": it was taken before"#
    );

    gate.complete();
    assert!(health.gate("migrations").unwrap_err().is_too_late());
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_was_not_declared_is_unknown() {
    let health = steady().gate("migrations").start().unwrap();
    let error = health.gate("migration").unwrap_err();
    assert!(error.is_unknown());
    assert_eq!(error.to_string(), r#"there is no gate "migration""#);
}

#[tokio::test(start_paused = true)]
async fn the_reason_of_a_failed_gate_is_redacted() {
    let health = steady().gate("migrations").start().unwrap();
    let gate = health.gate("migrations").unwrap();
    gate.fail("cannot reach postgres://app:hunter2@db/main");

    let report = report(&health, Probe::Startup).await;
    assert_eq!(
        report["output"],
        "migrations: cannot reach postgres://***@db/main"
    );
}

#[tokio::test(start_paused = true)]
async fn gates_stand_in_the_report_in_the_order_of_their_declaration() {
    let health = steady().gate("z").gate("a").gate("m").start().unwrap();
    let snapshot = health.snapshot();
    let report = snapshot.report(Probe::Startup);
    let names: Vec<_> = report.entries().iter().map(|entry| entry.name()).collect();
    assert_eq!(names, ["z", "a", "m"]);
}
