//! What is published when: a change of status at once, everything else in company.
//!
//! Ports U7 of the peers' tables.

use std::collections::HashSet;
use std::sync::Arc;

use tower_health::{Health, HealthBuilder, Probe, Status};

use super::support::{Script, Step, fail, pass, probe, readiness, state};
use crate::support::{lapse, millis, secs, settle, steady};

/// How many snapshots are published in the next ten seconds.
async fn snapshots_in_ten_seconds(health: &Health) -> usize {
    let mut seen = Vec::new();
    for _ in 0..10_000 {
        let snapshot = health.snapshot();
        // They are kept, so that no address is used twice.
        if !seen.last().is_some_and(|last| Arc::ptr_eq(last, &snapshot)) {
            seen.push(snapshot);
        }
        lapse(millis(1)).await;
    }
    seen.iter().map(Arc::as_ptr).collect::<HashSet<_>>().len() - 1
}

fn hundred(mut builder: HealthBuilder, step: impl Fn(u64) -> Step) -> Health {
    for index in 0..100 {
        let script = Script::new([step(index)]);
        builder = builder.readiness(script.check(format!("check-{index}")));
    }
    builder.start().unwrap()
}

#[tokio::test(start_paused = true)]
async fn results_of_a_hundred_checks_in_step_are_published_together() {
    let health = hundred(steady(), |_| pass());
    lapse(millis(500)).await;
    assert_eq!(snapshots_in_ten_seconds(&health).await, 10);
}

#[tokio::test(start_paused = true)]
async fn results_within_ten_milliseconds_are_published_together() {
    // They end within 5 ms of each other.
    let health = hundred(steady(), |index| pass().after(millis(index % 5)));
    lapse(millis(500)).await;
    let snapshots = snapshots_in_ten_seconds(&health).await;
    // They drift apart by up to 4 ms a second, and no further than 40 ms here.
    assert!((10..=50).contains(&snapshots), "{snapshots}");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_checks_out_of_step_cost_no_more_than_a_snapshot_each_ten_milliseconds() {
    let health = hundred(Health::builder().jitter_seed(1), |_| pass());
    lapse(secs(5)).await;
    let snapshots = snapshots_in_ten_seconds(&health).await;
    // About 1,000 runs; 63 a second would be the mean of random ends in windows of 10 ms.
    assert!((400..=800).contains(&snapshots), "{snapshots}");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_status_is_published_at_once_and_takes_the_others_along() {
    let change = Script::new([pass(), fail("refused").after(millis(3))]);
    let quiet = Script::new([pass(), pass().after(millis(1))]);
    let health = steady()
        .readiness(quiet.check("quiet"))
        .readiness(change.check("change"))
        .start()
        .unwrap();
    lapse(millis(1_002)).await;
    assert_eq!(readiness(&health), Status::Pass);
    let waits = state(&health, "quiet").duration();
    assert_eq!(waits, Some(millis(0)), "it waits for company");
    lapse(millis(2)).await;
    assert_eq!(readiness(&health), Status::Fail);
    assert_eq!(state(&health, "quiet").duration(), Some(millis(1)));
}

#[tokio::test(start_paused = true)]
async fn a_result_that_changes_nothing_is_published_within_ten_milliseconds() {
    let db = Script::new([pass(), pass().after(millis(1))]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    lapse(millis(1_000)).await;
    assert_eq!(state(&health, "db").duration(), Some(millis(0)));
    lapse(millis(12)).await;
    assert_eq!(state(&health, "db").duration(), Some(millis(1)));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_seen_within_a_ttl_and_a_timeout() {
    for seed in 0..20 {
        let db = Script::passing();
        let check = db.check("db").timeout(millis(500));
        let builder = Health::builder().jitter_seed(seed);
        let health = builder.readiness(check).start().unwrap();
        lapse(millis(3_333)).await;
        assert_eq!(readiness(&health), Status::Pass);
        db.set_step(super::support::hang());
        lapse(millis(1_100 + 500 + 100)).await;
        assert_eq!(readiness(&health), Status::Fail, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_published_where_nothing_happens() {
    let health = steady().start().unwrap();
    lapse(secs(1)).await;
    let before = health.snapshot();
    lapse(secs(3_600)).await;
    assert!(Arc::ptr_eq(&before, &health.snapshot()));
}

#[tokio::test(start_paused = true)]
async fn public_answers_are_the_same_bytes_across_refreshes() {
    let health = hundred(Health::builder().jitter_seed(1), |_| pass());
    settle().await;
    for _ in 0..50 {
        let answer = probe(&health, Probe::Readiness).await;
        assert_eq!(answer, (200, r#"{"status":"pass"}"#.to_owned()));
        lapse(millis(333)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_never_changes_once_it_is_taken() {
    let db = Script::new([pass(), fail("refused")]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    let snapshot = health.snapshot();
    lapse(secs(60)).await;
    assert_eq!(readiness(&health), Status::Fail);
    assert_eq!(snapshot.status(Probe::Readiness), Status::Pass);
    let check = snapshot.checks(Probe::Readiness).next().unwrap();
    assert_eq!((check.status(), check.output()), (Status::Pass, None));
}
