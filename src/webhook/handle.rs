//! The handle to a webhook that was started: its counters, and its flush.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};

/// Handle to a webhook that was started by [`Webhook::start`](super::Webhook::start).
///
/// Clones are handles to the same webhook. It goes on when all are dropped, and ends with the health.
#[derive(Clone)]
pub struct WebhookHandle {
    pub(super) counters: Arc<Counters>,
    pub(super) flushes: mpsc::UnboundedSender<oneshot::Sender<u64>>,
}

impl WebhookHandle {
    /// Delivers everything that waits, and returns how many messages are undelivered after
    /// [`flush_timeout`](super::Webhook::flush_timeout) or once all are delivered.
    ///
    /// A flush that begins during another one ends with it. After the end of the webhook, it returns
    /// how many messages were dropped there.
    ///
    /// Nothing is held back meanwhile, and attempts follow one another quickly. Call it after the
    /// server has shut down and before the runtime ends, which would end the webhook. It returns at
    /// once if nothing waits.
    ///
    /// # Cancel safety
    ///
    /// The webhook flushes even if the future is dropped after its first poll.
    pub async fn flush(&self) -> u64 {
        let (done, flushed) = oneshot::channel();
        // An error means that the webhook has ended.
        let _ = self.flushes.send(done);
        flushed.await.unwrap_or_else(|_| {
            // Messages still wait if its runtime ended before it.
            let Counters {
                undelivered,
                waiting,
                ..
            } = &*self.counters;
            undelivered.load(Ordering::Relaxed) + waiting.load(Ordering::Relaxed)
        })
    }

    /// Returns what happened to the changes so far.
    pub fn stats(&self) -> WebhookStats {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counters {
            delivered,
            summed_up,
            dropped,
            failed_attempts,
            waiting,
            undelivered: _,
        } = &*self.counters;
        WebhookStats {
            delivered: load(delivered),
            summed_up: load(summed_up),
            dropped: load(dropped),
            failed_attempts: load(failed_attempts),
            waiting: load(waiting),
        }
    }
}

impl fmt::Debug for WebhookHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookHandle")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// Tells what happened to the changes that a webhook was to post.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookStats {
    /// Messages that the receiver accepted.
    pub delivered: u64,
    /// Changes that were summed up with an earlier one, in whose message they are counted.
    pub summed_up: u64,
    /// Changes that no message tells: the queue was full, the receiver refused them or was down for
    /// too long, or the health ended. The next message says how many.
    pub dropped: u64,
    /// Attempts to deliver a message that failed.
    pub failed_attempts: u64,
    /// Messages that are not delivered yet.
    pub waiting: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) delivered: AtomicU64,
    pub(super) summed_up: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) failed_attempts: AtomicU64,
    pub(super) waiting: AtomicU64,
    /// Messages that were dropped at the end.
    pub(super) undelivered: AtomicU64,
}
