//! Runs that go on after their timeout, for clients whose futures must be polled to their end.

use tower_health::{Cause, OnTimeout, Probe, RunOutcome, Status};

use super::support::{PASSED, Script, failed, hang, pass, readiness, seen, state};
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

// At the limit, the oldest makes room, so that the check can pass again.
#[tokio::test(start_paused = true)]
async fn at_most_four_runs_are_detached_and_the_check_still_recovers() {
    let db = Script::new([hang()]);
    let check = db
        .check("db")
        .timeout(millis(500))
        .on_timeout(OnTimeout::Detach);
    let health = steady().readiness(check).start().unwrap();
    let mut has_failed_for_it = false;
    for _ in 0..600 {
        lapse(millis(100)).await;
        assert!(db.running() <= 5 && state(&health, "db").detached_runs() <= 4);
        assert_eq!(readiness(&health), Status::Fail);
        has_failed_for_it |= seen(&health, "db") == failed("4 earlier runs still go on");
    }
    assert!(has_failed_for_it);

    db.set_step(pass());
    lapse(secs(3)).await;
    assert_eq!(seen(&health, "db"), PASSED);
    drop(health);
    settle().await;
    assert_eq!(db.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_could_not_begin_fails_the_check_and_counts_as_no_run() {
    let db = Script::new([hang()]);
    let check = db
        .check("db")
        .timeout(millis(500))
        .on_timeout(OnTimeout::Detach);
    let health = steady().readiness(check).start().unwrap();
    let refused = failed("4 earlier runs still go on");
    for _ in 0..600 {
        if seen(&health, "db") == refused {
            break;
        }
        lapse(millis(100)).await;
    }
    let state = state(&health, "db");
    assert_eq!(
        (seen(&health, "db"), state.status()),
        (refused, Status::Fail)
    );
    // Four timed out, after half a second each.
    let stats = state.stats();
    assert_eq!(stats.runs(RunOutcome::Timeout), 4);
    assert_eq!(
        (stats.durations().count(), stats.durations().sum()),
        (4, secs(2))
    );
    assert_eq!(stats.consecutive_failures(), 5);
    assert_eq!(state.duration(), Some(millis(500)));
    let runs = health.runs(Probe::Readiness, "db").unwrap();
    let durations: Vec<_> = runs.samples().map(|run| run.duration()).collect();
    assert_eq!(durations, [millis(500); 4]);
}

#[tokio::test(start_paused = true)]
async fn removing_the_check_ends_all_of_its_runs() {
    let db = Script::new([pass().after(secs(60))]);
    let check = db
        .check("db")
        .timeout(secs(2))
        .on_timeout(OnTimeout::Detach);
    let health = steady().readiness(check).start().unwrap();
    // Three are detached, and one is in time.
    lapse(secs(10)).await;
    assert_eq!((db.running(), state(&health, "db").detached_runs()), (4, 3));
    health.remove_readiness("db").await.unwrap();
    settle().await;
    assert_eq!(db.running(), 0);
}
