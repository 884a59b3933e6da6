//! Startup checks: they run until they pass once, and then never again.

use tower_health::{Criticality, Probe, Status};

use super::support::{answer, report};
use crate::support::{Dial, lapse, secs, settle, steady};

const FAIL: (u16, Status) = (503, Status::Fail);
const PASS: (u16, Status) = (200, Status::Pass);

#[tokio::test(start_paused = true)]
async fn a_startup_check_runs_until_it_passes_and_never_again() {
    let schema = Dial::at(Status::Fail);
    let health = steady().startup(schema.check("schema")).start().unwrap();
    lapse(secs(3)).await;
    settle().await;
    assert_eq!(schema.runs(), 4, "at once and then once a second");
    assert_eq!(answer(&health, Probe::Startup).await, FAIL);

    schema.turn(Status::Pass);
    lapse(secs(1)).await;
    assert_eq!(schema.runs(), 5);
    assert_eq!(answer(&health, Probe::Startup).await, PASS);

    lapse(secs(3600)).await;
    assert_eq!(schema.runs(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_result_of_a_startup_check_that_passed_never_becomes_stale() {
    let health = steady()
        .startup(Dial::at(Status::Pass).check("schema"))
        .start()
        .unwrap();
    lapse(secs(24 * 3600)).await;
    assert_eq!(answer(&health, Probe::Startup).await, PASS);
    assert_eq!(answer(&health, Probe::Readiness).await, PASS);
    let report = report(&health, Probe::Startup).await;
    assert_eq!(report["checks"]["schema"][0]["status"], "pass");
}

#[tokio::test(start_paused = true)]
async fn every_startup_check_has_to_pass_but_not_at_the_same_time() {
    let (one, other) = (Dial::at(Status::Pass), Dial::at(Status::Fail));
    let health = steady()
        .startup(one.check("one"))
        .startup(other.check("other"))
        .start()
        .unwrap();
    settle().await;
    assert_eq!(answer(&health, Probe::Startup).await, FAIL);

    one.turn(Status::Fail);
    other.turn(Status::Pass);
    lapse(secs(1)).await;
    assert_eq!(answer(&health, Probe::Startup).await, PASS);
}

#[tokio::test(start_paused = true)]
async fn a_warning_is_a_pass_for_startup() {
    let schema = Dial::at(Status::Warn);
    let health = steady().startup(schema.check("schema")).start().unwrap();
    lapse(secs(10)).await;
    assert_eq!(schema.runs(), 1);
    assert_eq!(answer(&health, Probe::Startup).await, PASS);
}

#[tokio::test(start_paused = true)]
async fn a_non_critical_startup_check_holds_startup_up_only_until_its_first_result() {
    let warmup = Dial::at(Status::Fail);
    let health = steady()
        .startup(warmup.check("warmup").criticality(Criticality::NonCritical))
        .start()
        .unwrap();
    assert_eq!(answer(&health, Probe::Startup).await, FAIL);
    settle().await;
    assert_eq!(answer(&health, Probe::Startup).await, PASS);
}

#[tokio::test(start_paused = true)]
async fn startup_waits_for_gates_and_checks_alike() {
    let health = steady()
        .gate("migrations")
        .startup(Dial::at(Status::Pass).check("schema"))
        .start()
        .unwrap();
    settle().await;
    assert_eq!(answer(&health, Probe::Startup).await, FAIL);
    health.gate("migrations").unwrap().complete();
    assert_eq!(answer(&health, Probe::Startup).await, PASS);
}

// One indicator may stand in both probes; each has its own runs and its own result.
#[tokio::test(start_paused = true)]
async fn a_name_in_two_probes_is_two_checks() {
    let (before, after) = (Dial::at(Status::Pass), Dial::at(Status::Fail));
    let health = steady()
        .startup(before.check("db"))
        .readiness(after.check("db"))
        .start()
        .unwrap();
    lapse(secs(2)).await;
    settle().await;
    assert_eq!((before.runs(), after.runs()), (1, 3));
    assert_eq!(answer(&health, Probe::Startup).await, PASS);
    assert_eq!(answer(&health, Probe::Readiness).await, FAIL);
}

#[tokio::test(start_paused = true)]
async fn startup_checks_do_not_count_for_readiness_once_they_passed() {
    let health = steady()
        .startup(Dial::at(Status::Pass).check("schema"))
        .start()
        .unwrap();
    settle().await;
    let snapshot = health.snapshot();
    assert_eq!(snapshot.checks(Probe::Readiness).count(), 0);
    assert_eq!(snapshot.checks(Probe::Startup).count(), 1);
    assert_eq!(snapshot.checks(Probe::Liveness).count(), 0);
}
