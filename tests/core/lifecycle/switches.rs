//! The two switches: "only a restart helps", and "no traffic now".

use tower_health::{Cause, Probe, Status};

use super::support::{answer, probes, report, told_of_probes};
use crate::support::{Dial, settle, steady};

const PASS: (u16, Status) = (200, Status::Pass);
const FAIL: (u16, Status) = (503, Status::Fail);

#[tokio::test(start_paused = true)]
async fn declaring_the_process_broken_fails_liveness_until_it_is_taken_back() {
    let health = steady().start().unwrap();
    let mut transitions = health.subscribe();

    health.mark_broken("the arena is corrupted");
    assert_eq!(probes(&health).await, [FAIL, PASS, PASS]);
    let told = report(&health, Probe::Liveness).await;
    assert_eq!(told["output"], "marked broken: the arena is corrupted");
    settle().await;

    health.clear_broken();
    assert_eq!(probes(&health).await, [PASS, PASS, PASS]);
    assert_eq!(report(&health, Probe::Liveness).await.get("output"), None);
    assert_eq!(
        told_of_probes(&mut transitions).await,
        ["liveness: pass -> fail", "liveness: fail -> pass"]
    );
}

#[tokio::test(start_paused = true)]
async fn refusing_traffic_fails_readiness_until_it_is_taken_back() {
    let health = steady()
        .readiness(Dial::at(Status::Pass).check("db"))
        .start()
        .unwrap();
    settle().await;
    let mut transitions = health.subscribe();

    health.refuse_traffic("resharding");
    assert_eq!(probes(&health).await, [PASS, FAIL, PASS]);
    let told = report(&health, Probe::Readiness).await;
    assert_eq!(told["output"], "refusing traffic: resharding");
    assert_eq!(told["checks"]["db"][0]["status"], "pass");
    settle().await;

    health.accept_traffic();
    assert_eq!(probes(&health).await, [PASS, PASS, PASS]);
    assert_eq!(report(&health, Probe::Readiness).await.get("output"), None);
    assert_eq!(
        told_of_probes(&mut transitions).await,
        ["readiness: pass -> fail", "readiness: fail -> pass"]
    );
}

#[tokio::test(start_paused = true)]
async fn no_check_is_the_cause_while_the_lifecycle_fails_readiness() {
    let health = steady()
        .readiness(Dial::at(Status::Fail).check("db"))
        .start()
        .unwrap();
    settle().await;
    let cause = || health.snapshot().cause(Probe::Readiness);
    assert_eq!(cause(), Some(Cause::Failed));
    health.refuse_traffic("resharding");
    assert_eq!(cause(), None);
    health.accept_traffic();
    assert_eq!(cause(), Some(Cause::Failed));
}

#[tokio::test(start_paused = true)]
async fn accepting_traffic_does_not_make_up_for_a_check_that_fails() {
    let health = steady()
        .readiness(Dial::at(Status::Fail).check("db"))
        .start()
        .unwrap();
    settle().await;
    health.refuse_traffic("resharding");
    health.accept_traffic();
    assert_eq!(answer(&health, Probe::Readiness).await, FAIL);
}

#[tokio::test(start_paused = true)]
async fn accepting_traffic_does_not_end_a_drain() {
    let health = steady().start().unwrap();
    health.drain();
    health.accept_traffic();
    settle().await;
    assert_eq!(answer(&health, Probe::Readiness).await, FAIL);
}

#[tokio::test(start_paused = true)]
async fn declaring_the_process_sound_does_not_revive_a_dead_loop() {
    let health = steady().start().unwrap();
    drop(
        health
            .heartbeat("consumer", std::time::Duration::from_secs(1))
            .unwrap(),
    );
    health.clear_broken();
    assert_eq!(answer(&health, Probe::Liveness).await, FAIL);
}

#[tokio::test(start_paused = true)]
async fn the_latest_reason_stands_and_is_redacted() {
    let health = steady().start().unwrap();
    health.mark_broken("first");
    health.mark_broken("token=hunter2 leaked");
    let told = report(&health, Probe::Liveness).await;
    assert_eq!(told["output"], "marked broken: token=*** leaked");
}

#[tokio::test(start_paused = true)]
async fn all_reasons_against_readiness_are_reported_at_once() {
    let health = steady()
        .gate("migrations")
        .readiness(Dial::at(Status::Fail).check("db"))
        .start()
        .unwrap();
    settle().await;
    health.refuse_traffic("resharding");
    health.drain();
    let told = report(&health, Probe::Readiness).await;
    assert_eq!(
        told["output"],
        "startup has not completed; draining; refusing traffic: resharding; db: refused"
    );
}

#[tokio::test(start_paused = true)]
async fn switching_twice_is_announced_once() {
    let health = steady().start().unwrap();
    let mut transitions = health.subscribe();
    for _ in 0..3 {
        health.refuse_traffic("resharding");
        settle().await;
    }
    assert_eq!(
        told_of_probes(&mut transitions).await,
        ["readiness: pass -> fail"]
    );
}
