//! The same of `grpc.health.v1`.
//!
//! tonic-health runs no checks: the application pushes what they say, from a task, as tonic's own
//! example does. Before its first push it says what it was told; here `NOT_SERVING`, since it says
//! `SERVING` by itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::sleep;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};
use tower::Layer;
use tower_health::{Check, Health, HealthLayer, indicator_fn};

use super::check::Wrong;
use super::outcome::{Outcome, beside_stuck, grpc_check};
use super::saturated::limited;
use super::{served, slow};
use crate::catalogue::{OURS, TONIC_HEALTH, app, tonic_health_app};
use crate::table::Row;

/// How often the check runs, on both sides.
const INTERVAL: Duration = Duration::from_millis(200);

/// Time for ten runs: whoever sees it at all has seen it by then.
const LATER: Duration = Duration::from_secs(2);

/// A check passes, and goes wrong the next time.
pub(super) fn goes_wrong(runtime: &Runtime, wrong: Wrong) -> Vec<Row> {
    let _context = runtime.enter();
    let check = passes_once(wrong);
    let indicator = indicator_fn("db", move || {
        let run = check();
        async move {
            run.await;
            Ok::<_, Infallible>(())
        }
    });
    let check = Check::new(indicator).ttl(INTERVAL);
    let health = Health::builder().readiness(check.timeout(INTERVAL)).start();
    let layer = HealthLayer::new(health.expect("every setting is right"));
    let (reporter, server) = health_reporter();
    runtime.spawn(push(reporter, passes_once(wrong)));
    let (ours, theirs) = runtime.block_on(async {
        sleep(LATER).await;
        let ours = grpc_check(layer.layer(served(app()))).await;
        (ours, grpc_check(served(tonic_health_app(server))).await)
    });
    let situation = format!("a check {} after it passed", wrong.verb());
    rows(&situation, ours, "NOT_SERVING", theirs)
}

fn passes_once(wrong: Wrong) -> impl Fn() -> Run + Send + 'static {
    let passed = Arc::new(AtomicBool::new(false));
    move || {
        let passed = Arc::clone(&passed);
        Box::pin(async move {
            if passed.swap(true, Ordering::Relaxed) {
                wrong.go().await;
            }
        })
    }
}

type Run = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

async fn push(reporter: HealthReporter, check: impl Fn() -> Run) {
    let push = |status| reporter.set_service_status("", status);
    push(ServingStatus::NotServing).await;
    loop {
        check().await;
        push(ServingStatus::Serving).await;
        sleep(INTERVAL).await;
    }
}

/// tonic-health is one of the services that the limit stands around.
pub(super) fn saturated(runtime: &Runtime) -> Vec<Row> {
    let _context = runtime.enter();
    let health = Health::builder().start().expect("every setting is right");
    let ours = HealthLayer::new(health).layer(limited(slow(app())));
    let (reporter, server) = health_reporter();
    let theirs = limited(slow(tonic_health_app(server)));
    let (ours, theirs) = runtime.block_on(async {
        let serving = ServingStatus::Serving;
        reporter.set_service_status("", serving).await;
        let ours = beside_stuck(ours, grpc_check).await;
        (ours, beside_stuck(theirs, grpc_check).await)
    });
    rows("inner service saturated", ours, "SERVING", theirs)
}

fn rows(situation: &str, ours: Outcome, expected: &'static str, theirs: Outcome) -> Vec<Row> {
    let title = |who: &str| format!("{situation}: {who}, Check");
    let good = ours == Outcome::Said(expected);
    vec![
        Row::outcome(title(OURS), ours, Some(good)),
        Row::outcome(title(TONIC_HEALTH), theirs, None),
    ]
}
