//! The stream of snapshots, which readers follow.

use tower_health::Status;

use crate::support::{Dial, lapse, secs, settle, steady};

#[tokio::test(start_paused = true)]
async fn each_publication_is_seen_and_a_slow_reader_gets_the_latest() {
    let db = Dial::pass();
    let health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    let mut snapshots = health.snapshots();
    let status = |snapshot: &tower_health::Snapshot| {
        snapshot
            .checks(tower_health::Probe::Readiness)
            .next()
            .unwrap()
            .status()
    };
    for expected in [Status::Fail, Status::Warn] {
        db.turn(expected);
        let snapshot = snapshots.next().await.unwrap();
        assert_eq!(status(&snapshot), expected);
    }
    db.turn(Status::Fail);
    lapse(secs(1)).await;
    db.turn(Status::Pass);
    lapse(secs(5)).await;
    assert_eq!(status(&snapshots.next().await.unwrap()), Status::Pass);
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_last_handle_which_it_does_not_replace() {
    let health = steady()
        .readiness(Dial::pass().check("db"))
        .start()
        .unwrap();
    settle().await;
    let mut snapshots = health.snapshots();
    let weak = health.downgrade();
    drop(health);
    assert!(weak.upgrade().is_none());
    assert!(snapshots.next().await.is_none());
    assert!(snapshots.next().await.is_none());
}
