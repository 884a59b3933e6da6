//! Drain: readiness fails first, requests are served on, and only then the server stops.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};

use super::Lifecycle;
use crate::clock;

#[derive(Debug)]
pub(super) struct Drain {
    /// For how long requests are still served after it began.
    delay: Duration,
    /// When readiness was failed for good. A latch: nothing takes it back.
    start: OnceLock<Instant>,
    /// Whether a shutdown has waited for its delay, so that the cap counts.
    delay_over: watch::Sender<bool>,
}

impl Drain {
    pub(super) fn new(delay: Duration) -> Self {
        Self {
            delay,
            start: OnceLock::new(),
            delay_over: watch::Sender::default(),
        }
    }

    #[inline]
    pub(super) fn start(&self) -> Option<Instant> {
        self.start.get().copied()
    }

    pub(super) fn begin(&self, now: Instant) {
        self.start.get_or_init(|| now);
    }
}

/// Fails readiness, and resolves when the delay has passed or `hurry` has resolved. A drain that
/// began earlier counts from then.
pub(crate) async fn drain(lifecycle: &Lifecycle, hurry: impl Future<Output = ()>) {
    lifecycle.start_drain();
    first_of(delay_over(lifecycle), hurry).await;
    lifecycle.drain.delay_over.send_replace(true);
}

/// Resolves when the delay of the present drain is over, or was ended.
pub(crate) async fn delay_over(lifecycle: &Lifecycle) {
    let drain = &lifecycle.drain;
    let start = drain.start().unwrap_or_else(clock::now);
    let mut ended = drain.delay_over.subscribe();
    let ended = async {
        // The sender is borrowed here.
        let _ = ended.wait_for(|over| *over).await;
    };
    first_of(sleep_until((start + drain.delay).into()), ended).await;
}

/// Whether the delay of a drain is over, or was ended.
#[cfg(feature = "grpc")]
pub(crate) fn is_delay_over(lifecycle: &Lifecycle) -> bool {
    let drain = &lifecycle.drain;
    let is_over = |start| clock::now() >= start + drain.delay;
    drain.start().is_some_and(is_over) || *drain.delay_over.borrow()
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

/// The output of whichever is ready first.
pub(crate) fn first_of<T, A, B>(one: A, other: B) -> impl Future<Output = T>
where
    A: Future<Output = T>,
    B: Future<Output = T>,
{
    FirstOf { one, other }
}

pin_project! {
    /// Not an async function: it would hold both twice, as arguments and pinned.
    struct FirstOf<A, B> {
        #[pin]
        one: A,
        #[pin]
        other: B,
    }
}

impl<T, A, B> Future for FirstOf<A, B>
where
    A: Future<Output = T>,
    B: Future<Output = T>,
{
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        match this.one.poll(cx) {
            Poll::Ready(output) => Poll::Ready(output),
            Poll::Pending => this.other.poll(cx),
        }
    }
}
