//! Listeners: called once for each change, after it can be seen, and without blocking others.
//!
//! A listener that blocks needs the real clock; every wait for one is for a condition, with a
//! deadline.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tower_health::{Health, Probe, Status, Subject, Transition};

use super::door::Door;
use super::support::{Script, fail, hang, pass, probe, readiness, state, ticks, two_workers};
use crate::support::{eventually, lapse, millis, secs, settle, steady, wait_until};

const TTL: Duration = millis(20);

#[tokio::test(start_paused = true)]
async fn a_listener_sees_the_new_status_already() {
    let db = Script::new([pass(), fail("no"), pass()]);
    let cell = Arc::new(OnceLock::<Health>::new());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let health = steady()
        .readiness(db.check("db"))
        .on_transition({
            let (cell, seen) = (Arc::clone(&cell), Arc::clone(&seen));
            move |transition: &Transition| {
                let health = cell.get().unwrap();
                let status = match &transition.subject {
                    Subject::Probe(probe) => {
                        assert_eq!(health.snapshot().status(*probe), transition.to);
                        health.status(*probe)
                    }
                    Subject::Check { name, .. } => state(health, name).status(),
                    other => panic!("{other}"),
                };
                seen.lock().unwrap().push((transition.to, status));
            }
        })
        .start()
        .unwrap();
    cell.set(health.clone()).unwrap();
    lapse(secs(5)).await;
    let seen = seen.lock().unwrap().clone();
    let told = |status| [(status, status), (status, status)];
    let expected = [Status::Pass, Status::Fail, Status::Pass].map(told);
    assert_eq!(seen, expected.concat());
}

#[tokio::test(start_paused = true)]
async fn every_listener_is_called_in_order_once_for_each_transition() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let listener = |name: &'static str| {
        let calls = Arc::clone(&calls);
        move |transition: &Transition| {
            calls
                .lock()
                .unwrap()
                .push(format!("{name} {}", transition.subject));
        }
    };
    let health = steady()
        .readiness(Script::passing().check("db"))
        .on_transition(listener("first"))
        .on_transition(listener("second"))
        .start()
        .unwrap();
    lapse(secs(30)).await;
    assert_eq!(readiness(&health), Status::Pass);
    let expected = [
        "first readiness/db",
        "second readiness/db",
        "first readiness",
        "second readiness",
    ];
    assert_eq!(*calls.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_listener_may_change_the_process_and_ask_for_more() {
    let cell = Arc::new(OnceLock::<Health>::new());
    let db = Script::new([pass(), fail("corrupt")]);
    let health = steady()
        .readiness(db.check("db"))
        .on_transition({
            let cell = Arc::clone(&cell);
            move |transition: &Transition| {
                if transition.output.as_deref() == Some("corrupt") {
                    cell.get().unwrap().mark_broken("the data is corrupt");
                }
            }
        })
        .start()
        .unwrap();
    cell.set(health.clone()).unwrap();
    lapse(secs(2)).await;
    settle().await;
    assert_eq!(probe(&health, Probe::Liveness).await.0, 503);
    let snapshot = health.snapshot();
    let output = snapshot.report(Probe::Liveness).output().unwrap();
    assert!(output.contains("the data is corrupt"), "{output}");
}

/// On two workers, one of which a listener blocks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_blocks_delays_neither_checks_nor_subscribers_nor_probes() {
    let door = Door::default();
    let (db, other) = (Script::new([pass()]), Script::passing());
    let health: Health = steady()
        .readiness(db.check("db").ttl(TTL))
        .readiness(other.check("other").ttl(TTL))
        .on_transition({
            let door = door.clone();
            move |_| door.wait()
        })
        .start()
        .unwrap();
    let mut transitions = health.subscribe();
    eventually("the listener blocks", async || door.waiting() == 1).await;
    let before = other.runs();
    eventually("checks go on", async || other.runs() > before + 10).await;
    db.set_step(fail("refused"));
    eventually("the failure is seen", async || {
        readiness(&health) == Status::Fail
    })
    .await;
    let told = tokio::time::timeout(secs(20), async {
        loop {
            let transition = transitions.next().await.unwrap();
            if transition.output.as_deref() == Some("refused") {
                break;
            }
        }
    });
    told.await.expect("subscribers do not wait for listeners");
    assert_eq!(door.entered(), 1);
    door.open();
    eventually("the listener has been told all", async || {
        door.entered() == 5
    })
    .await;
}

// Nothing else happens when a result expires, so that nothing else would wake another worker.
#[test]
fn a_listener_that_blocks_on_an_expiry_stops_neither_the_clock_nor_the_network() {
    // The door is dropped first, or a test that fails could never end its runtime.
    let runtime = two_workers();
    let door = Door::default();
    let dead = Script::new([pass(), hang()]).check("dead");
    let dead = dead.ttl(TTL).stale_after(millis(300)).timeout(secs(60));
    let builder = steady().readiness(dead).on_transition({
        let door = door.clone();
        move |transition| {
            if transition.to == Status::Fail {
                door.wait();
            }
        }
    });
    let health = builder.start_on(runtime.handle()).unwrap();
    let ticks = ticks(&runtime);
    wait_until("the listener blocks", || door.waiting() == 1);
    assert_eq!(readiness(&health), Status::Fail);
    let before = ticks.load(Ordering::SeqCst);
    wait_until("the clock goes on", || {
        ticks.load(Ordering::SeqCst) > before
    });
    door.open();
}

// 1,024 transitions wait for a listener that blocks. Of those beyond, it misses the oldest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_blocks_misses_the_oldest_transitions_and_they_are_counted() {
    let door = Door::default();
    let blocked = door.clone();
    let health = steady().on_transition(move |_| blocked.wait()).start();
    let health = health.unwrap();
    let mut transitions = health.subscribe();
    for turn in 0..1_500 {
        if turn % 2 == 0 {
            health.refuse_traffic("maintenance");
        } else {
            health.accept_traffic();
        }
        transitions.next().await.unwrap();
        if turn == 0 {
            eventually("the listener blocks", async || door.waiting() == 1).await;
        }
    }
    // They are counted although the listener never comes back to count them.
    let missed = 1_500 - 1 - 1_024;
    assert_eq!((door.entered(), health.missed_by_listeners()), (1, missed));
    door.open();
    eventually("the rest is seen", async || door.entered() == 1 + 1_024).await;
    assert_eq!(health.missed_by_listeners(), missed);
}

#[tokio::test(start_paused = true)]
async fn listeners_miss_nothing_when_more_checks_than_the_queue_holds_change_at_once() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let mut builder = steady().on_transition(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    for index in 0..1_500 {
        builder = builder.readiness(Script::passing().check(format!("check-{index}")));
    }
    let health = builder.start().unwrap();
    settle().await;
    assert_eq!(readiness(&health), Status::Pass);
    assert_eq!(seen.load(Ordering::SeqCst), 1_500 + 1);
    assert_eq!(
        (health.missed_by_listeners(), health.missed_by_log()),
        (0, 0)
    );
}
