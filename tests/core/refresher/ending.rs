//! The end: when the last handle, layer and service is gone, nothing is left behind.
//!
//! Ports B7 and U10 of the peers' tables.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response};
use tokio::runtime::Handle;
use tower::{Layer, service_fn};
use tower_health::{Check, Health, HealthBuilder, HealthLayer, Status, Transition, indicator_fn};

use super::support::{Script, hang, pass, readiness};
use crate::support::{lapse, millis, secs, settle, steady};

/// The tasks of the runtime; the test itself is none of them.
fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

fn busy(db: &Script, hung: &Script) -> HealthBuilder {
    steady()
        .readiness(db.check("db"))
        .readiness(hung.check("hung").timeout(secs(60)))
        .startup(Script::new([hang()]).check("schema").timeout(secs(60)))
        .gate("migrations")
        .on_transition(|_| ())
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_when_the_last_handle_is_dropped_while_checks_hang() {
    let (db, hung) = (
        Script::new([pass().after(millis(10))]),
        Script::new([hang()]),
    );
    let health = busy(&db, &hung).start().unwrap();
    let clone = health.clone();
    lapse(secs(3)).await;
    // The scheduler, its log, its listeners, and the two runs that hang.
    assert_eq!(tasks(), 5);
    assert_eq!(hung.running(), 1);

    drop(health);
    lapse(secs(3)).await;
    assert_eq!(tasks(), 5);
    let runs = db.runs();

    drop(clone);
    settle().await;
    assert_eq!((tasks(), hung.running()), (0, 0));
    lapse(secs(60)).await;
    assert_eq!(db.runs(), runs);
}

#[tokio::test(start_paused = true)]
async fn a_layer_or_a_service_keeps_the_checks_running_and_is_the_last_to_hold_them() {
    let db = Script::passing();
    let health = steady().readiness(db.check("db")).start().unwrap();
    let layer = HealthLayer::new(health);
    lapse(millis(2_050)).await;
    // The scheduler and its log.
    assert_eq!((tasks(), db.runs()), (2, 3));

    let service = layer.layer(service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(String::new()))
    }));
    let clone = service.clone();
    drop((layer, service));
    lapse(secs(2)).await;
    assert_eq!((tasks(), db.runs()), (2, 5));

    drop(clone);
    settle().await;
    assert_eq!(tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn gates_heartbeats_subscribers_and_futures_do_not_keep_the_checks_running() {
    let db = Script::passing();
    let health = steady()
        .readiness(db.check("db"))
        .gate("migrations")
        .start()
        .unwrap();
    let gate = health.gate("migrations").unwrap();
    let heartbeat = health.heartbeat("consumer", secs(60)).unwrap();
    let mut transitions = health.subscribe();
    let snapshot = health.snapshot();
    let drain = health.drain_on(std::future::pending());
    let cap = health.cap_drain(std::future::ready(()));
    drop(health);
    settle().await;
    assert_eq!(tasks(), 0);
    while let Some(transition) = transitions.next().await {
        // What was told before is not taken back.
        drop(transition);
    }
    drop((gate, heartbeat, snapshot, drain, cap));
}

#[tokio::test(start_paused = true)]
async fn indicators_and_listeners_are_dropped_too() {
    let held = Arc::new(());
    let indicator = Arc::clone(&held);
    let listener = Arc::clone(&held);
    let health = Health::builder()
        .readiness(tower_health::indicator_fn("db", move || {
            let held = Arc::clone(&indicator);
            async move {
                let _held = held;
                std::future::pending::<Result<(), String>>().await
            }
        }))
        .on_transition(move |_| drop(Arc::clone(&listener)))
        .start()
        .unwrap();
    settle().await;
    assert_eq!(Arc::strong_count(&held), 4);
    drop(health);
    settle().await;
    assert_eq!(Arc::strong_count(&held), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_healths_one_after_the_other_leave_nothing() {
    for _ in 0..100 {
        let health = busy(&Script::passing(), &Script::new([hang()]));
        let health = health.start().unwrap();
        settle().await;
        drop(health);
    }
    settle().await;
    assert_eq!(tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_only_built_or_layered_starts_nothing() {
    let db = Script::passing();
    drop(busy(&db, &Script::passing()));
    assert_eq!((tasks(), db.runs()), (0, 0));

    let layer = HealthLayer::new(Health::fixed(Status::Pass));
    let services: Vec<_> = (0..100).map(|route| layer.layer(route)).collect();
    assert_eq!((tasks(), services.len()), (0, 100));
}

#[tokio::test(start_paused = true)]
async fn what_was_announced_before_the_end_reaches_the_listeners() {
    let told = Arc::new(AtomicUsize::new(0));
    let health = steady()
        .readiness(Script::passing().check("db"))
        .on_transition({
            let told = Arc::clone(&told);
            move |_| {
                told.fetch_add(1, Ordering::Relaxed);
            }
        })
        .start()
        .unwrap();
    health.await_ready().await.unwrap();
    assert_eq!(readiness(&health), Status::Pass);
    drop(health);
    settle().await;
    assert_eq!(told.load(Ordering::Relaxed), 2, "db and readiness");
    assert_eq!(tasks(), 0);
}

/// Panics whenever it is dropped, even while another panic unwinds.
struct DropBomb;

impl Drop for DropBomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

// Dropped together, two of them would abort the process.
#[tokio::test(start_paused = true)]
async fn indicators_and_listeners_that_panic_when_they_are_dropped_end_nothing_else() {
    let check = |name: &str| {
        let bomb = DropBomb;
        Check::new(indicator_fn(name, move || {
            let _ = &bomb;
            async { Ok::<_, String>(()) }
        }))
    };
    let listener = || {
        let bomb = DropBomb;
        move |_: &Transition| {
            let _ = &bomb;
        }
    };
    let health = steady()
        .readiness(check("db"))
        .readiness(check("cache"))
        .on_transition(listener())
        .on_transition(listener())
        .start()
        .unwrap();
    settle().await;
    assert_eq!(readiness(&health), Status::Pass);
    drop(health);
    settle().await;
    assert_eq!(tasks(), 0);
}
