//! A clock that jumps, as when a virtual machine was stopped for an hour.
//!
//! Ports U2 of the peers' tables.

use tower_health::{Cause, Status, indicator_fn};

use super::support::{PASSED, Script, hang, pass, readiness, seen, told};
use crate::support::{lapse, millis, secs, settle, steady};

#[tokio::test(start_paused = true)]
async fn after_a_jump_readiness_fails_until_the_checks_have_run_again() {
    let db = Script::new([pass(), pass().after(secs(2)), pass()]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    let mut transitions = health.subscribe();
    settle().await;
    told(&mut transitions).await;

    tokio::time::advance(secs(3_600)).await;
    assert_eq!(readiness(&health), Status::Fail);
    assert_eq!(told(&mut transitions).await, ["readiness: pass -> fail"]);
    lapse(secs(2)).await;
    assert_eq!(readiness(&health), Status::Pass);
    assert_eq!(told(&mut transitions).await, ["readiness: fail -> pass"]);
}

#[tokio::test(start_paused = true)]
async fn a_jump_is_not_made_up_for_by_a_burst_of_runs() {
    let db = Script::passing();
    let health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    tokio::time::advance(secs(3_600)).await;
    settle().await;
    assert_eq!(db.runs(), 2);
    assert_eq!(readiness(&health), Status::Pass);
    lapse(secs(3)).await;
    assert_eq!(db.runs(), 5);
}

// Nobody knows what a run is worth that lost an hour: it is repeated.
#[tokio::test(start_paused = true)]
async fn a_run_that_lost_more_than_the_bound_is_ended_and_blames_nobody() {
    let db = Script::new([pass(), hang(), pass()]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    lapse(secs(2)).await;
    assert_eq!(db.running(), 1);
    tokio::time::advance(secs(3_600)).await;
    let (status, output) = seen(&health, "db");
    assert_eq!(status, Status::Fail);
    assert!(output.unwrap().starts_with("starved: "));
    // Its last turn is 100 ms.
    lapse(millis(150)).await;
    assert_eq!((db.running(), db.runs()), (0, 3));
    assert_eq!(seen(&health, "db"), PASSED);
    assert_eq!(health.lateness().starved_runs, 1);
    let history = health.history();
    assert!(
        history
            .iter()
            .all(|change| change.cause != Some(Cause::Failed))
    );
}

// The results were there before anybody looked at the clock: more of them than tokio lets a task
// take in one turn.
#[tokio::test(start_paused = true)]
async fn a_run_that_ended_in_time_has_not_timed_out_however_late_it_is_looked_at() {
    let (release, released) = tokio::sync::watch::channel(false);
    let mut builder = steady();
    for index in 0..500 {
        let released = released.clone();
        builder = builder.readiness(indicator_fn(format!("check-{index}"), move || {
            let mut released = released.clone();
            async move { released.wait_for(|released| *released).await.map(drop) }
        }));
    }
    let health = builder.start().unwrap();
    let mut transitions = health.subscribe();
    settle().await;
    release.send_replace(true);
    tokio::time::advance(secs(3_600)).await;
    settle().await;
    assert_eq!(readiness(&health), Status::Pass);
    let told = told(&mut transitions).await;
    assert!(
        told.iter().all(|line| line.ends_with("-> pass")),
        "{told:?}"
    );
}
