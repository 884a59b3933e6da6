//! Runs that go on after their timeout, for clients whose futures must be polled to their end.

use tower_health::{Cause, OnTimeout, Status};

use super::support::{PASSED, Script, failed, pass, readiness, seen, state};
use crate::support::{lapse, millis, secs, settle, steady};

#[tokio::test(start_paused = true)]
async fn a_run_that_exceeds_its_timeout_goes_on_to_its_end_and_the_check_runs_again() {
    let db = Script::new([pass().after(secs(8)), pass()]);
    let check = db
        .check("db")
        .timeout(secs(2))
        .on_timeout(OnTimeout::Detach);
    let health = steady().readiness(check).start().unwrap();
    lapse(millis(2_050)).await;
    assert_eq!(seen(&health, "db"), failed("timed out after 2s"));
    assert_eq!(state(&health, "db").cause(), Some(Cause::Failed));
    assert_eq!((db.running(), state(&health, "db").detached_runs()), (1, 1));

    lapse(secs(1)).await;
    assert_eq!((seen(&health, "db"), db.running()), (PASSED, 1));
    lapse(secs(5)).await;
    assert_eq!((db.running(), state(&health, "db").detached_runs()), (0, 0));
    assert_eq!(readiness(&health), Status::Pass);
}

#[tokio::test(start_paused = true)]
async fn at_most_four_runs_are_detached_and_then_none_starts() {
    let db = Script::new([pass().held()]);
    let check = db
        .check("db")
        .timeout(millis(500))
        .on_timeout(OnTimeout::Detach);
    let health = steady().readiness(check).start().unwrap();
    lapse(secs(60)).await;
    assert_eq!((db.runs(), db.running()), (4, 4));
    assert_eq!(seen(&health, "db"), failed("4 earlier runs still go on"));
    assert_eq!(state(&health, "db").detached_runs(), 4);

    // One that ends makes room for another.
    db.release();
    lapse(secs(2)).await;
    assert_eq!(db.runs(), 5);
    drop(health);
    settle().await;
    assert_eq!(db.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn removing_the_check_ends_all_of_its_runs() {
    let db = Script::new([pass().after(secs(60))]);
    let check = db
        .check("db")
        .timeout(secs(2))
        .on_timeout(OnTimeout::Detach);
    let health = steady().readiness(check).start().unwrap();
    lapse(secs(4)).await;
    assert_eq!(db.running(), 2);
    health.remove_readiness("db").await.unwrap();
    settle().await;
    assert_eq!(db.running(), 0);
}
