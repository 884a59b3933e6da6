//! Delivers what waits within a time: in a flush, in a drain, and at the end.

use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::sync::oneshot;

use super::{Worker, log, now};

impl Worker {
    /// Holds nothing back while the process drains, and in a flush.
    pub(super) fn look_for_drain(&mut self) {
        let is_hurried = self.deadline.is_some() || self.is_draining();
        self.outbox.hurry(is_hurried);
    }

    pub(super) fn is_hurried(&self) -> bool {
        self.outbox.is_hurried()
    }

    /// Begins a flush for a caller. One that goes on is not prolonged by it: otherwise callers that
    /// give up and come again would never let it end.
    pub(super) fn begin_flush(&mut self, done: oneshot::Sender<u64>) {
        // Not each time: many callers would take quadratic time.
        if self.flushing.len().is_power_of_two() {
            self.flushing.retain(|waiting| !waiting.is_closed());
        }
        self.flushing.push(done);
        let deadline = now() + self.settings.flush_timeout;
        self.deadline.get_or_insert(deadline);
    }

    /// Begins to deliver what waits when the health has ended, which happens once.
    pub(super) fn begin_end(&mut self) {
        self.deadline = Some(now() + self.settings.flush_timeout);
    }

    /// Returns whether a flush has delivered everything, or its time is over.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let is_done = self.in_flight.is_none() && self.outbox.len() == 0;
        self.deadline
            .is_some_and(|deadline| is_done || deadline <= now)
    }

    pub(super) fn end_flush(&mut self) {
        self.deadline = None;
        let waiting = self.waiting();
        for done in self.flushing.drain(..) {
            // An error means that the caller stopped waiting.
            let _ = done.send(waiting);
        }
    }

    pub(super) fn waiting(&self) -> u64 {
        self.outbox.len() as u64 + u64::from(self.in_flight.is_some())
    }

    /// Drops what could not be delivered before the end.
    pub(super) fn end(&mut self) {
        let waiting = self.waiting();
        if let Some((message, _)) = self.in_flight.take() {
            self.outbox.give_up(&message);
        }
        self.outbox.clear();
        self.counters.undelivered.store(waiting, Ordering::Relaxed);
        self.count();
        if waiting > 0 {
            log!(
                WARN,
                url = self.settings.shown,
                waiting,
                "a webhook ends with messages that were not delivered"
            );
        }
    }
}
