//! Heartbeats: loops that must come round within their deadline, or the process is not alive.

use std::time::Duration;

use tower_health::{Health, Probe, Status};

use super::support::{answer, report, told_of_probes};
use crate::support::{Dial, lapse, secs, settle, steady};

const ALIVE: (u16, Status) = (200, Status::Pass);
const DEAD: (u16, Status) = (503, Status::Fail);

fn health() -> Health {
    steady().start().unwrap()
}

/// A report is as old as its snapshot; one check makes sure that there is a new one each second.
fn refreshed_each_second() -> Health {
    let check = Dial::at(Status::Pass).check("db");
    steady().readiness(check).start().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_deadline_counts_from_creation() {
    let health = health();
    lapse(secs(100)).await;
    let _never_beats = health.heartbeat("consumer", secs(10)).unwrap();
    lapse(Duration::from_millis(9_999)).await;
    assert_eq!(answer(&health, Probe::Liveness).await, ALIVE);
    lapse(Duration::from_millis(1)).await;
    assert_eq!(answer(&health, Probe::Liveness).await, DEAD);
}

#[tokio::test(start_paused = true)]
async fn each_beat_starts_the_deadline_anew() {
    let health = health();
    let heartbeat = health.heartbeat("consumer", secs(10)).unwrap();
    for _ in 0..20 {
        lapse(secs(9)).await;
        heartbeat.beat();
        assert_eq!(answer(&health, Probe::Liveness).await, ALIVE);
    }
    lapse(Duration::from_millis(9_999)).await;
    assert_eq!(answer(&health, Probe::Liveness).await, ALIVE);
    lapse(Duration::from_millis(1)).await;
    assert_eq!(answer(&health, Probe::Liveness).await, DEAD);
}

#[tokio::test(start_paused = true)]
async fn a_late_beat_brings_liveness_back_and_both_changes_are_announced() {
    let health = health();
    let mut transitions = health.subscribe();
    let heartbeat = health.heartbeat("consumer", secs(10)).unwrap();
    lapse(secs(11)).await;
    // Announced without any request.
    assert_eq!(
        told_of_probes(&mut transitions).await,
        ["liveness: pass -> fail"]
    );

    heartbeat.beat();
    assert_eq!(answer(&health, Probe::Liveness).await, ALIVE);
    assert_eq!(
        told_of_probes(&mut transitions).await,
        ["liveness: fail -> pass"]
    );

    lapse(secs(11)).await;
    assert_eq!(
        told_of_probes(&mut transitions).await,
        ["liveness: pass -> fail"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_missed_beat_is_reported_by_name_with_how_long_it_is_overdue() {
    let health = refreshed_each_second();
    let _silent = health.heartbeat("consumer", secs(10)).unwrap();
    lapse(secs(25)).await;
    settle().await;
    let report = report(&health, Probe::Liveness).await;
    let beat = &report["checks"]["consumer"][0];
    assert_eq!(beat["status"], "fail");
    assert_eq!(beat["output"], "no beat within its deadline of 10s");
    assert_eq!(
        report["output"],
        "consumer: no beat within its deadline of 10s"
    );
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_that_is_dropped_without_finish_fails_liveness_at_once() {
    let health = health();
    drop(health.heartbeat("consumer", secs(3600)).unwrap());
    assert_eq!(answer(&health, Probe::Liveness).await, DEAD);
    let report = report(&health, Probe::Liveness).await;
    assert_eq!(
        report["output"],
        "consumer: its loop ended: dropped without finish()"
    );
    lapse(secs(7200)).await;
    assert_eq!(answer(&health, Probe::Liveness).await, DEAD);
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_panics_fails_liveness() {
    let health = health();
    let heartbeat = health.heartbeat("consumer", secs(3600)).unwrap();
    let consumer = tokio::spawn(async move {
        heartbeat.beat();
        panic!("bad message");
    });
    consumer.await.unwrap_err();
    assert_eq!(answer(&health, Probe::Liveness).await, DEAD);
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_finished_is_watched_no_longer() {
    let health = health();
    let heartbeat = health.heartbeat("consumer", secs(1)).unwrap();
    heartbeat.finish();
    lapse(secs(60)).await;
    assert_eq!(answer(&health, Probe::Liveness).await, ALIVE);
    assert_eq!(report(&health, Probe::Liveness).await.get("checks"), None);
}

#[tokio::test(start_paused = true)]
async fn finishing_after_a_missed_deadline_brings_liveness_back() {
    let health = health();
    let mut transitions = health.subscribe();
    let heartbeat = health.heartbeat("consumer", secs(1)).unwrap();
    lapse(secs(2)).await;
    assert_eq!(answer(&health, Probe::Liveness).await, DEAD);
    heartbeat.finish();
    assert_eq!(answer(&health, Probe::Liveness).await, ALIVE);
    assert_eq!(
        told_of_probes(&mut transitions).await,
        ["liveness: pass -> fail", "liveness: fail -> pass"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_is_started_again_takes_the_name_of_the_dead_one() {
    let health = health();
    drop(health.heartbeat("consumer", secs(10)).unwrap());
    assert_eq!(answer(&health, Probe::Liveness).await, DEAD);

    let again = health.heartbeat("consumer", secs(10)).unwrap();
    assert_eq!(again.name(), "consumer");
    assert_eq!(answer(&health, Probe::Liveness).await, ALIVE);
    lapse(secs(10)).await;
    assert_eq!(answer(&health, Probe::Liveness).await, DEAD);
}

#[tokio::test(start_paused = true)]
async fn the_name_of_a_loop_that_finished_is_free() {
    let health = health();
    health.heartbeat("consumer", secs(10)).unwrap().finish();
    let _again = health.heartbeat("consumer", secs(10)).unwrap();
    assert_eq!(answer(&health, Probe::Liveness).await, ALIVE);
}

#[tokio::test(start_paused = true)]
async fn the_name_of_a_loop_that_lives_is_taken_even_while_it_is_late() {
    let health = health();
    let first = health.heartbeat("consumer", secs(10)).unwrap();
    for late in [false, true] {
        let error = health.heartbeat("consumer", secs(10)).unwrap_err();
        assert!(error.is_name(), "late: {late}");
        assert_eq!(
            error.to_string(),
            r#"heartbeat "consumer": the name is taken"#
        );
        lapse(secs(11)).await;
    }
    // The refused ones left no trace: they were no heartbeats that were dropped.
    first.beat();
    assert_eq!(answer(&health, Probe::Liveness).await, ALIVE);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_or_name_that_cannot_work_is_refused_by_name() {
    let health = health();
    let year_and_a_day = secs(367 * 24 * 3600);
    let cases = [
        (
            "consumer",
            Duration::ZERO,
            r#""consumer": deadline must not be zero"#,
        ),
        (
            "consumer",
            year_and_a_day,
            r#""consumer": deadline must not be longer than a year"#,
        ),
        (
            "consumer",
            Duration::MAX,
            r#""consumer": deadline must not be longer than a year"#,
        ),
    ];
    for (name, deadline, expected) in cases {
        let error = health.heartbeat(name, deadline).unwrap_err();
        assert!(error.is_option(), "{deadline:?}");
        assert_eq!(error.to_string(), expected);
    }
    let error = health.heartbeat("", secs(1)).unwrap_err();
    assert!(error.is_name());
    assert_eq!(error.to_string(), r#"heartbeat "": bad name: it is empty"#);
    let error = health.heartbeat("a/b", secs(1)).unwrap_err();
    assert!(error.is_name());
    assert_eq!(answer(&health, Probe::Liveness).await, ALIVE);
}

#[tokio::test(start_paused = true)]
async fn liveness_fails_until_the_last_late_loop_has_beaten() {
    let health = refreshed_each_second();
    let one = health.heartbeat("one", secs(10)).unwrap();
    let other = health.heartbeat("other", secs(20)).unwrap();
    settle().await;
    let mut transitions = health.subscribe();
    lapse(secs(30)).await;
    let both = report(&health, Probe::Liveness).await;
    assert_eq!(
        both["output"],
        "one: no beat within its deadline of 10s; other: no beat within its deadline of 20s"
    );

    one.beat();
    assert_eq!(answer(&health, Probe::Liveness).await, DEAD);
    let left = report(&health, Probe::Liveness).await;
    assert_eq!(left["output"], "other: no beat within its deadline of 20s");
    assert_eq!(left["checks"]["one"][0]["status"], "pass");

    other.beat();
    assert_eq!(answer(&health, Probe::Liveness).await, ALIVE);
    // Two late loops are one failure of the probe.
    assert_eq!(
        told_of_probes(&mut transitions).await,
        ["liveness: pass -> fail", "liveness: fail -> pass"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_says_nothing_about_readiness() {
    let health = health();
    drop(health.heartbeat("consumer", secs(1)).unwrap());
    settle().await;
    assert_eq!(answer(&health, Probe::Readiness).await, ALIVE);
    let told = report(&health, Probe::Readiness).await;
    assert_eq!(told["checks"].get("consumer"), None);
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_that_is_met_causes_no_publication() {
    let idle = Dial::at(Status::Pass).check("db").ttl(secs(3_600));
    let health = steady().readiness(idle).start().unwrap();
    let heartbeat = health
        .heartbeat("consumer", Duration::from_millis(5))
        .unwrap();
    settle().await;
    heartbeat.beat();
    settle().await;
    heartbeat.beat();
    lapse(Duration::from_millis(1)).await;
    let before = health.snapshot();
    for _ in 0..1_000 {
        heartbeat.beat();
        lapse(Duration::from_millis(4)).await;
    }
    assert!(std::sync::Arc::ptr_eq(&before, &health.snapshot()));
    lapse(secs(1)).await;
    assert_eq!(health.status(Probe::Liveness), Status::Fail);
    assert!(!std::sync::Arc::ptr_eq(&before, &health.snapshot()));
}
