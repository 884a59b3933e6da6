//! Blocking checks: one run at a time, on the blocking pool, whatever the timeout says.
//!
//! Ports B3 of the peers' tables. Real threads need the real clock; every wait here is for a
//! condition, with a deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tower_health::{Check, Status, blocking_indicator_fn};

use super::door::Door;
use super::support::{PASSED, Script, failed, readiness, seen};
use crate::support::{eventually, millis, secs, steady};

const TTL: Duration = millis(20);
const TIMEOUT: Duration = millis(200);

fn quick(check: Check) -> Check {
    check.ttl(TTL).timeout(TIMEOUT)
}

fn blocking(name: &str, door: &Door) -> Check {
    let door = door.clone();
    quick(Check::new(blocking_indicator_fn(name, move || {
        door.wait();
        Ok::<_, String>(())
    })))
}

// function: |waits at the door . . . . . . . . . . . . . |ends, and again
// output:       timed out | previous run still going      pass
#[tokio::test]
async fn a_blocking_check_has_one_run_at_a_time_and_recovers_when_it_ends() {
    let (door, other) = (Door::default(), Script::passing());
    let health = steady().readiness(blocking("disk", &door)).start().unwrap();
    let first = health.subscribe().next().await.unwrap();
    assert_eq!(first.output.as_deref(), Some("timed out after 200ms"));
    let is = |output| seen(&health, "disk") == failed(output);
    eventually("the slot", async || is("previous run still going")).await;
    let check = other.check("other").ttl(TTL);
    health.add_readiness(check).await.unwrap();
    eventually("other checks go on", async || other.runs() > 5).await;
    assert_eq!(seen(&health, "other"), PASSED);
    assert!(is("previous run still going"));
    assert_eq!((door.entered(), door.waiting()), (1, 1));

    door.open();
    eventually("recovery", async || seen(&health, "disk") == PASSED).await;
    eventually("readiness", async || readiness(&health) == Status::Pass).await;
    eventually("further runs", async || door.entered() > 5).await;
    assert_eq!(health.refresher_restarts(), 0);
}

#[tokio::test]
async fn a_blocking_check_that_panics_fails_with_its_message_and_runs_again() {
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    let disk = blocking_indicator_fn("disk", move || {
        let run = count.fetch_add(1, Ordering::SeqCst);
        assert!(run >= 3, "the disk is gone");
        Ok::<_, String>(())
    });
    // Nothing here may time out, however busy the machine is.
    let check = Check::new(disk).ttl(TTL).timeout(secs(20));
    let health = steady().readiness(check).start().unwrap();
    let mut transitions = health.subscribe();
    let first = transitions.next().await.unwrap();
    // On a busy machine, the failure of the first run may be excused, and this be that of the second.
    assert_eq!(first.output.as_deref(), Some("panicked: the disk is gone"));
    eventually("recovery", async || seen(&health, "disk") == PASSED).await;
    assert_eq!(health.refresher_restarts(), 0);
}

// The first run of the second check waits in the queue of the pool, not in its function.
#[test]
fn a_check_for_which_the_pool_has_no_thread_fails_and_recovers_when_there_is_one() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (hog, starved) = (Door::default(), Door::default());
        starved.open();
        let health = steady().readiness(blocking("hog", &hog)).start().unwrap();
        eventually("the thread is taken", async || hog.waiting() == 1).await;
        let check = blocking("starved", &starved);
        health.add_readiness(check).await.unwrap();
        let starving = failed("tokio's blocking pool has no free thread");
        eventually("it fails", async || seen(&health, "starved") == starving).await;
        assert_eq!(starved.entered(), 0);
        hog.open();
        eventually("it recovers", async || seen(&health, "starved") == PASSED).await;
        eventually("readiness", async || readiness(&health) == Status::Pass).await;
    });
}
