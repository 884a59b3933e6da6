//! The drain latch: when the drain began, and how far the shutdown is.

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
    shutdown: watch::Sender<Shutdown>,
}

/// The shutdown that a drain is a part of. A drain without one ends nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shutdown {
    pub(crate) stage: Stage,
    /// Whether signals of the process move it forward.
    #[cfg(feature = "signal")]
    pub(crate) follows_signals: bool,
}

/// How far a shutdown is. It only moves forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// No shutdown has begun.
    #[default]
    Serving,
    /// A shutdown waits for the drain delay.
    Delay,
    /// The delay is over, and the server ends. The drain cap counts from here.
    Cap,
    /// The cap was ended before its time.
    CapEnded,
}

impl DrainLatch {
    pub(super) fn new(delay: Duration) -> Self {
        Self {
            delay,
            start: OnceLock::new(),
            shutdown: watch::Sender::default(),
        }
    }

    #[inline]
    pub(super) fn start(&self) -> Option<Instant> {
        self.start.get().copied()
    }

    pub(super) fn begin(&self, now: Instant) {
        self.start.get_or_init(|| now);
    }

    /// Moves the shutdown forward to this stage, if it is not there yet.
    pub(crate) fn advance(&self, stage: Stage) {
        self.shutdown.send_if_modified(|shutdown| {
            let is_further = stage > shutdown.stage;
            if is_further {
                shutdown.stage = stage;
            }
            is_further
        });
    }

    /// Records that signals of the process move the shutdown forward.
    #[cfg(feature = "signal")]
    pub(crate) fn follow_signals(&self) {
        self.shutdown
            .send_modify(|shutdown| shutdown.follows_signals = true);
    }

    /// Subscribes to the shutdown. The channel closes when the lifecycle is dropped.
    #[cfg(feature = "signal")]
    pub(crate) fn watch_shutdown(&self) -> watch::Receiver<Shutdown> {
        self.shutdown.subscribe()
    }

    /// Resolves when the shutdown has reached this stage.
    pub(crate) async fn reached(&self, stage: Stage) {
        let mut shutdown = self.shutdown.subscribe();
        // The sender is borrowed here, so the channel cannot close.
        let _ = shutdown.wait_for(|shutdown| shutdown.stage >= stage).await;
    }

    /// Returns what is left of the delay, which counts from the start of the drain.
    #[cfg(feature = "signal")]
    pub(crate) fn remaining_delay(&self) -> Duration {
        let now = clock::now();
        let start = self.start().unwrap_or(now);
        (start + self.delay).saturating_duration_since(now)
    }

    /// Resolves when the delay has passed or was ended.
    pub(crate) async fn delay_passed(&self) {
        race(
            sleep_until(self.delay_until().into()),
            self.reached(Stage::Cap),
        )
        .await;
    }

    /// Returns when the delay has passed. It counts from now if no drain has begun.
    pub(crate) fn delay_until(&self) -> Instant {
        self.start().unwrap_or_else(clock::now) + self.delay
    }

    /// Returns whether the delay has passed or was ended.
    #[cfg(feature = "grpc")]
    pub(crate) fn is_delay_over(&self) -> bool {
        let is_over = |start| clock::now() >= start + self.delay;
        self.start().is_some_and(is_over) || self.shutdown.borrow().stage >= Stage::Cap
    }
}
