//! `Health::run_now`: a check that runs when the application wants it, not when it is due.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use tokio::time::timeout;
use tower_health::{Check, Status, indicator_fn};

use super::door::Door;
use super::support::{PASSED, Script, fail, failed, hang, pass, readiness, seen};
use crate::support::{PATIENCE, eventually, lapse, millis, secs, settle, steady};

#[tokio::test(start_paused = true)]
async fn the_check_runs_at_once_and_its_result_is_published_before_the_call_returns() {
    let db = Script::passing();
    let check = db.check("db").ttl(secs(600));
    let health = steady().readiness(check).start().unwrap();
    settle().await;
    db.set_step(fail("demoted"));
    lapse(secs(5)).await;
    assert_eq!((db.runs(), readiness(&health)), (1, Status::Pass));

    health.run_now("db").await.unwrap();
    assert_eq!(db.runs(), 2);
    assert_eq!(seen(&health, "db"), failed("demoted"));
    assert_eq!(readiness(&health), Status::Fail);
}

// run:   0 s        5 s (now)                   605 s
#[tokio::test(start_paused = true)]
async fn the_next_run_is_due_one_ttl_after_this_one() {
    let db = Script::passing();
    let check = db.check("db").ttl(secs(600));
    let health = steady().readiness(check).start().unwrap();
    lapse(secs(5)).await;
    health.run_now("db").await.unwrap();
    lapse(secs(599)).await;
    assert_eq!(db.runs(), 2);
    lapse(secs(2)).await;
    assert_eq!(db.runs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_run_in_progress_counts_and_no_second_one_begins_beside_it() {
    let db = Script::new([pass().after(secs(3))]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    lapse(secs(1)).await;
    let (one, other) = tokio::join!(health.run_now("db"), health.run_now("db"));
    one.unwrap();
    other.unwrap();
    assert_eq!((db.runs(), db.most_at_once()), (1, 1));
    assert_eq!(seen(&health, "db"), PASSED);
}

#[tokio::test(start_paused = true)]
async fn a_hung_check_is_reported_at_its_timeout() {
    let db = Script::new([pass(), hang()]);
    let check = db.check("db").ttl(secs(600)).timeout(secs(2));
    let health = steady().readiness(check).start().unwrap();
    settle().await;
    let returned = timeout(millis(2_050), health.run_now("db")).await;
    returned.expect("it ends at the timeout").unwrap();
    assert_eq!(seen(&health, "db"), failed("timed out after 2s"));
}

#[tokio::test(start_paused = true)]
async fn a_check_that_rests_runs_all_the_same() {
    let db = Script::passing();
    let check = db.check("db").while_probed(secs(30));
    let health = steady().readiness(check).start().unwrap();
    lapse(secs(3_600)).await;
    assert_eq!(db.runs(), 1);
    health.run_now("db").await.unwrap();
    assert_eq!(db.runs(), 2);
    lapse(secs(3_600)).await;
    assert_eq!(db.runs(), 2, "it rests again");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_still_runs_the_check() {
    let db = Script::new([pass(), pass().after(secs(1))]);
    let check = db.check("db").ttl(secs(600));
    let health = steady().readiness(check).start().unwrap();
    settle().await;
    timeout(millis(1), health.run_now("db")).await.unwrap_err();
    lapse(secs(2)).await;
    assert_eq!((db.runs(), db.running()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_name_is_an_error_and_so_is_a_check_that_is_removed_meanwhile() {
    let db = Script::new([pass(), hang()]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    let error = health.run_now("cache").await.unwrap_err();
    assert!(error.is_unknown());
    assert_eq!(error.to_string(), r#"there is no readiness check "cache""#);

    let (run, removed) = tokio::join!(health.run_now("db"), health.remove_readiness("db"));
    removed.unwrap();
    assert!(run.unwrap_err().is_unknown());
}

// A blocking check ignores its abort: the run that the caller wants can begin only after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_timeout_the_caller_gets_a_run_of_its_own_as_soon_as_the_old_one_ended() {
    let (door, runs) = (Door::default(), Arc::new(AtomicUsize::new(0)));
    let (blocks, count) = (door.clone(), Arc::clone(&runs));
    let check = Check::new(indicator_fn("db", move || {
        if count.fetch_add(1, Ordering::SeqCst) == 0 {
            blocks.wait();
        }
        async { Ok::<_, String>(()) }
    }));
    let check = check.timeout(millis(50)).ttl(secs(600));
    let health = steady().readiness(check).start().unwrap();
    eventually("the timeout is published", async || {
        seen(&health, "db") == failed("timed out after 50ms")
    })
    .await;
    let mut run = pin!(health.run_now("db"));
    assert!(run.as_mut().now_or_never().is_none());
    // Commands are handled in order: once this one is, so is the other.
    health
        .add_readiness(Script::passing().check("cache"))
        .await
        .unwrap();
    door.open();
    let returned = timeout(PATIENCE, run).await;
    returned.expect("no whole TTL passes").unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    assert_eq!(seen(&health, "db"), PASSED);
}
