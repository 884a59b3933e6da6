//! Draining: readiness fails first, requests are still served, and only then the server stops.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::state::{LifecycleState, Stage, race};

/// Fails readiness, and resolves when the drain delay has passed or `hurry` has resolved. The delay
/// of a drain that began earlier counts from then.
pub(crate) async fn drain(lifecycle: &LifecycleState, hurry: impl Future<Output = ()>) {
    lifecycle.start_shutdown();
    // `hurry` comes first, so that a signal that ended the delay of several shutdowns is taken by
    // each of them. One that missed it would later take it for another signal.
    race(hurry, lifecycle.drain.delay_passed()).await;
    lifecycle.drain.advance(Stage::Cap);
}

/// Runs `server` to its end, but no longer than `cap` after the delay of a shutdown has passed.
/// Returns `None` if the cap was reached or ended.
pub(crate) async fn with_drain_cap<T>(
    lifecycle: Arc<LifecycleState>,
    cap: Duration,
    server: impl Future<Output = T>,
) -> Option<T> {
    let deadline = async {
        lifecycle.drain.reached(Stage::Cap).await;
        race(sleep(cap), lifecycle.drain.reached(Stage::CapEnded)).await;
        None
    };
    race(async { Some(server.await) }, deadline).await
}
