//! A `tracing` subscriber that panics, as the stock formatter does once its output and stderr are
//! closed: the refresher, gates and probes survive it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tower_health::{Details, HealthLayer, Probe, Status};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::support::{Script, fail, pass, readiness};
use crate::support::prober::get;
use crate::support::{lapse, secs, settle, steady};

struct PanicsOnEvent;

impl<S: Subscriber> Layer<S> for PanicsOnEvent {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        assert_ne!(event.metadata().target(), "tower_health", "a dead log pipe");
    }
}

fn panicking_subscriber() -> DefaultGuard {
    set_default(tracing_subscriber::registry().with(PanicsOnEvent))
}

#[tokio::test(start_paused = true)]
async fn the_refresher_survives_it_and_readiness_recovers() {
    let _guard = panicking_subscriber();
    let db = Script::new([pass(), fail("refused"), pass()]);
    let health = steady()
        .readiness(db.check("db"))
        .on_transition(|_| panic!("a listener, whose panic is logged"))
        .start()
        .unwrap();
    settle().await;
    assert_eq!(readiness(&health), Status::Pass);
    lapse(secs(1)).await;
    assert_eq!(readiness(&health), Status::Fail);
    lapse(secs(1)).await;
    assert_eq!(readiness(&health), Status::Pass);
    assert_eq!(health.refresher_restarts(), 0);
    lapse(secs(10)).await;
    assert_eq!(db.runs(), 13);
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_is_dropped_by_a_panic_does_not_abort_the_process() {
    let _guard = panicking_subscriber();
    let health = steady().gate("migrations").start().unwrap();
    let gate = health.gate("migrations").unwrap();
    let step = catch_unwind(AssertUnwindSafe(move || {
        let _gate = gate;
        panic!("the migration failed");
    }));
    step.unwrap_err();
    assert_eq!(health.status(Probe::Startup), Status::Fail);
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_details_predicate_panics_is_answered() {
    let _guard = panicking_subscriber();
    let health = steady().start().unwrap();
    let layer = HealthLayer::builder(health)
        .details(Details::when(|_| {
            panic!("a predicate, whose panic is logged")
        }))
        .build()
        .unwrap();
    assert_eq!(get(&layer, "/readyz").await.0, 200);
}
