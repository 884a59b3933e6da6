//! Drain: readiness fails at once and for good, whatever anybody says later.
//!
//! The case that Dropwizard has and gets wrong is among them (a non-critical check that recovers
//! during a delayed shutdown must not bring readiness back).

use tower_health::{Criticality, Health, Probe, Status};

use super::support::{answer, probes, report, told_of_probes};
use crate::support::{Dial, lapse, secs, settle, steady};

const PASS: (u16, Status) = (200, Status::Pass);
const FAIL: (u16, Status) = (503, Status::Fail);

#[tokio::test(start_paused = true)]
async fn drain_fails_readiness_at_once_and_nothing_else() {
    let health = steady()
        .readiness(Dial::at(Status::Pass).check("db"))
        .start()
        .unwrap();
    settle().await;
    assert_eq!(probes(&health).await, [PASS, PASS, PASS]);
    assert!(!health.is_draining());
    health.drain();
    assert!(health.is_draining());
    assert_eq!(probes(&health).await, [PASS, FAIL, PASS]);
    let told = report(&health, Probe::Readiness).await;
    assert_eq!(told["output"], "draining");
    assert_eq!(told["checks"]["db"][0]["status"], "pass");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_tells_since_when_the_process_drains() {
    let health = steady()
        .readiness(Dial::at(Status::Pass).check("db"))
        .start()
        .unwrap();
    lapse(secs(3)).await;
    assert_eq!(health.snapshot().draining_since(), None);
    health.drain();
    let begun = health.snapshot().uptime();
    lapse(secs(10)).await;
    health.drain();
    let later = health.snapshot();
    let ago = later.time().duration_since(later.draining_since().unwrap());
    let ago = ago.unwrap();
    assert_eq!(ago, later.uptime() - begun);
    assert!(ago >= secs(9));
}

#[tokio::test(start_paused = true)]
async fn a_check_that_recovers_does_not_end_a_drain() {
    for criticality in [Criticality::Critical, Criticality::NonCritical] {
        let db = Dial::at(Status::Fail);
        let health = steady()
            .readiness(db.check("db").criticality(criticality))
            .start()
            .unwrap();
        settle().await;
        health.drain();
        db.turn(Status::Pass);
        lapse(secs(10)).await;
        assert_eq!(
            answer(&health, Probe::Readiness).await,
            FAIL,
            "{criticality:?}"
        );
        // Checks go on all the same, for those who look at the report.
        let told = report(&health, Probe::Readiness).await;
        assert_eq!(told["checks"]["db"][0]["status"], "pass");
    }
}

#[tokio::test(start_paused = true)]
async fn checks_go_on_running_while_draining() {
    let db = Dial::at(Status::Pass);
    let health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    health.drain();
    let before = db.runs();
    lapse(secs(10)).await;
    assert_eq!(db.runs(), before + 10);
}

#[tokio::test(start_paused = true)]
async fn startup_that_completes_during_a_drain_does_not_end_it() {
    let health = steady()
        .gate("migrations")
        .startup(Dial::at(Status::Pass).check("schema"))
        .start()
        .unwrap();
    let gate = health.gate("migrations").unwrap();
    health.drain();
    assert_eq!(probes(&health).await, [PASS, FAIL, FAIL]);
    gate.complete();
    settle().await;
    assert_eq!(probes(&health).await, [PASS, FAIL, PASS]);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_is_added_or_removed_does_not_end_a_drain() {
    let health = steady()
        .readiness(Dial::at(Status::Fail).check("db"))
        .start()
        .unwrap();
    health.drain();
    health
        .add_readiness(Dial::at(Status::Pass).check("cache"))
        .await
        .unwrap();
    health.remove_readiness("db").await.unwrap();
    settle().await;
    assert_eq!(answer(&health, Probe::Readiness).await, FAIL);
}

#[tokio::test(start_paused = true)]
async fn every_handle_drains_the_same_service() {
    let health = steady().start().unwrap();
    health.clone().drain();
    assert_eq!(answer(&health, Probe::Readiness).await, FAIL);
}

#[tokio::test(start_paused = true)]
async fn a_drain_is_announced_once_however_often_it_is_requested() {
    let db = Dial::at(Status::Pass);
    let health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    let mut transitions = health.subscribe();
    for _ in 0..3 {
        health.drain();
        lapse(secs(2)).await;
        db.turn(Status::Fail);
        lapse(secs(2)).await;
        db.turn(Status::Pass);
    }
    assert_eq!(
        told_of_probes(&mut transitions).await,
        ["readiness: pass -> fail"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_drain_whose_refresher_is_gone_still_fails_readiness() {
    let health = Health::fixed(Status::Pass);
    assert_eq!(answer(&health, Probe::Readiness).await, PASS);
    health.drain();
    assert_eq!(answer(&health, Probe::Readiness).await, FAIL);
}
