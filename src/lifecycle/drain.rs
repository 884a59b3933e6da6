//! Drain: readiness fails first, requests are served on, and only then the server stops.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};

use super::Lifecycle;
use crate::clock;

#[derive(Debug, Default)]
pub(super) struct Drain {
    /// When readiness was failed for good. A latch: nothing takes it back.
    start: OnceLock<Instant>,
    /// Whether a shutdown has waited for its delay, so that the cap counts.
    delay_over: watch::Sender<bool>,
}

impl Drain {
    #[inline]
    pub(super) fn start(&self) -> Option<Instant> {
        self.start.get().copied()
    }

    pub(super) fn begin(&self, now: Instant) -> Instant {
        *self.start.get_or_init(|| now)
    }
}

/// Fails readiness, and resolves when the delay has passed or `hurry` has resolved. A drain that
/// began earlier counts from then.
pub(crate) async fn drain(lifecycle: &Lifecycle, delay: Duration, hurry: impl Future<Output = ()>) {
    let start = lifecycle.start_drain(clock::now());
    first_of(sleep_until((start + delay).into()), hurry).await;
    lifecycle.drain.delay_over.send_replace(true);
}

/// Runs `server` to its end, but no longer than `cap` after the delay of a shutdown has passed.
pub(crate) async fn capped<T>(
    lifecycle: Arc<Lifecycle>,
    cap: Duration,
    server: impl Future<Output = T>,
) -> Option<T> {
    let mut delay_over = lifecycle.drain.delay_over.subscribe();
    let deadline = async {
        // The sender lives in the lifecycle, which is held here.
        let _ = delay_over.wait_for(|over| *over).await;
        sleep(cap).await;
        None
    };
    first_of(async { Some(server.await) }, deadline).await
}

async fn first_of<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(output),
        Poll::Pending => other.as_mut().poll(cx),
    })
    .await
}
