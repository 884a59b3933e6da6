//! The end: when the last handle, layer and service is gone, nothing is left behind.
//!
//! Ports B7 and U10 of the peers' tables.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use http::{Request, Response};
use tokio::runtime::Handle;
use tower::{Layer, service_fn};
use tower_health::{
    Check, Details, Health, HealthBuilder, HealthLayer, Probe, Status, Transition, WeakHealth,
    indicator_fn,
};

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

/// A check that reads the status of the health that it belongs to.
fn reads<H: Send + Sync + 'static>(
    of: impl Fn(&H) -> Option<Status> + Send + Sync + 'static,
    health: H,
) -> Check {
    Check::new(indicator_fn("own", move || {
        let status = of(&health).ok_or("the health has ended");
        async move { status.map(drop) }
    }))
}

#[tokio::test(start_paused = true)]
async fn a_listener_and_an_indicator_with_a_weak_handle_do_not_keep_the_checks_running() {
    let seen = Arc::new(AtomicUsize::new(0));
    let own = Arc::new(OnceLock::<WeakHealth>::new());
    let health = steady()
        .on_transition({
            let (seen, own) = (Arc::clone(&seen), Arc::clone(&own));
            move |_| {
                let health = own.get().and_then(WeakHealth::upgrade);
                let status = health.map(|health| health.status(Probe::Liveness));
                if status == Some(Status::Pass) {
                    seen.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
        .start()
        .unwrap();
    own.set(health.downgrade()).unwrap();
    let status = |weak: &WeakHealth| Some(weak.upgrade()?.status(Probe::Liveness));
    let check = reads(status, health.downgrade());
    health.add_readiness(check).await.unwrap();
    lapse(secs(3)).await;
    assert_eq!(readiness(&health), Status::Pass);
    // Readiness failed when the check came, which then passed, and so did readiness.
    assert_eq!(seen.load(Ordering::Relaxed), 3);
    // The scheduler, its log and its listeners.
    assert_eq!(tasks(), 3);

    drop(health);
    settle().await;
    assert_eq!(tasks(), 0);
    assert!(own.get().unwrap().upgrade().is_none());
}

// The case that the documentation of `WeakHealth` warns of.
#[tokio::test(start_paused = true)]
async fn an_indicator_with_a_handle_keeps_the_checks_running() {
    let health = steady().start().unwrap();
    let weak = health.downgrade();
    let status = |health: &Health| Some(health.status(Probe::Liveness));
    let check = reads(status, health.clone());
    health.add_readiness(check).await.unwrap();
    drop(health);
    lapse(secs(60)).await;
    // The scheduler and its log.
    assert_eq!(tasks(), 2);

    // A handle that a weak one gave can end it.
    let health = weak.upgrade().unwrap();
    health.remove_readiness("own").await.unwrap();
    drop(health);
    settle().await;
    assert_eq!(tasks(), 0);
    assert!(weak.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_handle_that_a_run_holds_ends_with_the_run() {
    let health = steady().start().unwrap();
    let weak = health.downgrade();
    let check = {
        let weak = weak.clone();
        indicator_fn("own", move || {
            let health = weak.upgrade();
            async move {
                tokio::time::sleep(secs(2)).await;
                health.map(drop).ok_or("the health has ended")
            }
        })
    };
    health.add_readiness(check).await.unwrap();
    drop(health);
    lapse(secs(1)).await;
    assert!(weak.upgrade().is_some());
    lapse(secs(2)).await;
    assert!(weak.upgrade().is_none());
    assert_eq!(tasks(), 0);
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

/// A check whose indicator panics when it is dropped.
fn bomb(name: &str) -> Check {
    let bomb = DropBomb;
    Check::new(indicator_fn(name, move || {
        let _ = &bomb;
        async { Ok::<_, String>(()) }
    }))
}

/// A builder with two of everything that a user hands in, all of which panic when they are dropped.
/// Dropped together, two of them would abort the process.
fn bombs() -> HealthBuilder {
    let listener = || {
        let bomb = DropBomb;
        move |_: &Transition| {
            let _ = &bomb;
        }
    };
    let (format, redact) = (DropBomb, DropBomb);
    steady()
        .readiness(bomb("db"))
        .readiness(bomb("cache"))
        .on_transition(listener())
        .on_transition(listener())
        .format("text/plain", move |_| {
            let _ = &format;
            String::new()
        })
        .redact(move |text| {
            let _ = &redact;
            text.to_owned()
        })
}

#[tokio::test(start_paused = true)]
async fn indicators_and_listeners_that_panic_when_they_are_dropped_end_nothing_else() {
    let health = bombs().start().unwrap();
    settle().await;
    assert_eq!(readiness(&health), Status::Pass);
    drop(health);
    settle().await;
    assert_eq!(tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn nor_do_they_when_the_builder_is_dropped_or_does_not_start() {
    drop(bombs());
    bombs().readiness(bomb("db")).start().unwrap_err();
}

#[test]
fn nor_do_they_when_the_runtime_ends_first() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let health = bombs().start_on(runtime.handle()).unwrap();
    drop(runtime);
    drop(health);
}

#[tokio::test(start_paused = true)]
async fn nor_do_they_when_checks_are_removed_or_refused() {
    let health = bombs().start().unwrap();
    health.remove_readiness("db").await.unwrap();
    health.remove_readiness("cache").await.unwrap();
    health.add_readiness(bomb("late")).await.unwrap();
    health.add_readiness(bomb("late")).await.unwrap_err();
    settle().await;
    assert_eq!(readiness(&health), Status::Pass);
    assert_eq!(health.refresher_restarts(), 0);
}

// Everything that a user can drop by letting a panic unwind.
#[tokio::test(start_paused = true)]
async fn nor_do_they_while_another_panic_unwinds() {
    let health = bombs().gate("migrations").start().unwrap();
    let gate = health.gate("migrations").unwrap();
    let heartbeat = health.heartbeat("consumer", secs(60)).unwrap();
    let details = || {
        let bomb = DropBomb;
        Details::when(move |_| {
            let _ = &bomb;
            true
        })
    };
    let layer = HealthLayer::builder(health.clone())
        .details(details())
        .grpc_list(details())
        .grpc_peer({
            let bomb = DropBomb;
            move |_| {
                let _ = &bomb;
                Some("peer")
            }
        })
        .build()
        .unwrap();
    settle().await;
    let unwound = catch_unwind(AssertUnwindSafe(move || {
        let _held = (bombs(), gate, heartbeat, layer);
        panic!("boom");
    }));
    unwound.unwrap_err();
    assert_eq!(health.status(Probe::Startup), Status::Fail);
    assert_eq!(health.status(Probe::Liveness), Status::Fail);
    let unwound = catch_unwind(AssertUnwindSafe(move || {
        let _health = health;
        panic!("boom");
    }));
    unwound.unwrap_err();
    settle().await;
    assert_eq!(tasks(), 0);
}
