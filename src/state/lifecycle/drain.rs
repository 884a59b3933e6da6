//! The drain latch: when the drain began, and whether its delay is over.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::sleep_until;

use crate::state::{clock, race};

#[derive(Debug)]
pub(crate) struct DrainLatch {
    /// How long requests are still served after the drain began.
    delay: Duration,
    /// When the drain began. Never reset.
    start: OnceLock<Instant>,
    /// Whether a shutdown has waited for the delay. The drain cap counts from then.
    delay_over: watch::Sender<bool>,
}

impl DrainLatch {
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

    /// Ends the delay, or records that it has passed.
    pub(crate) fn end_delay(&self) {
        self.delay_over.send_replace(true);
    }

    /// Resolves when a shutdown has waited for the delay.
    pub(crate) async fn delay_ended(&self) {
        let mut delay_over = self.delay_over.subscribe();
        // The sender is borrowed here, so the channel cannot close.
        let _ = delay_over.wait_for(|over| *over).await;
    }

    /// Resolves when the delay, which counts from the start of the drain, has passed or was ended.
    pub(crate) async fn delay_passed(&self) {
        race(sleep_until(self.delay_until().into()), self.delay_ended()).await;
    }

    /// Returns when the delay has passed. It counts from now if no drain has begun.
    pub(crate) fn delay_until(&self) -> Instant {
        self.start().unwrap_or_else(clock::now) + self.delay
    }

    /// Returns whether the delay has passed or was ended.
    #[cfg(feature = "grpc")]
    pub(crate) fn is_delay_over(&self) -> bool {
        let is_over = |start| clock::now() >= start + self.delay;
        self.start().is_some_and(is_over) || *self.delay_over.borrow()
    }
}
