//! Begins attempts to deliver, and draws the conclusions from their ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{AttemptTask, Worker, log, now};
use crate::webhook::client::Attempt;

impl Worker {
    pub(super) fn begin_attempt(&mut self, now: Instant) {
        let until = self.backoff.until(self.deadline.is_some());
        if self.in_flight.is_some() || until.is_some_and(|until| until > now) {
            return;
        }
        let Some(message) = self.outbox.take(now) else {
            return;
        };
        let (body, is_default) = self.body(&message);
        let id = self.id(&message);
        let client = Arc::clone(&self.settings.client);
        // In a task of its own, so that a panic within a client is a failure like any other.
        let task = tokio::spawn(client.post(id, body, is_default));
        self.in_flight = Some((message, AttemptTask(task)));
    }

    pub(super) fn attempted(&mut self, attempt: Attempt) {
        let Some((message, _)) = self.in_flight.take() else {
            return;
        };
        let url = &*self.settings.shown;
        match attempt {
            Attempt::Delivered => {
                self.outbox.delivered(&message);
                self.counters.delivered.fetch_add(1, Ordering::Relaxed);
                let attempts = self.backoff.failures();
                self.backoff.succeeded();
                if std::mem::take(&mut self.is_failing) {
                    log!(INFO, url, attempts, "a webhook delivers again");
                }
            }
            Attempt::Failed { fault, retry_after } => {
                self.counters
                    .failed_attempts
                    .fetch_add(1, Ordering::Relaxed);
                self.backoff.failed(now(), retry_after);
                if !std::mem::replace(&mut self.is_failing, true) {
                    log!(WARN, url, fault, "a webhook cannot be delivered yet");
                }
                let tried_at = message.tried_at.unwrap_or_else(now);
                if now() - tried_at < self.settings.retry_for {
                    self.outbox.put_back(message);
                } else {
                    log!(
                        WARN,
                        url,
                        fault,
                        dropped = message.changes,
                        "a webhook gives a message up"
                    );
                    self.outbox.give_up(&message);
                }
            }
            Attempt::Refused { fault } => {
                self.counters
                    .failed_attempts
                    .fetch_add(1, Ordering::Relaxed);
                self.backoff.succeeded();
                log!(
                    WARN,
                    url,
                    fault,
                    dropped = message.changes,
                    "the receiver of a webhook refuses a message"
                );
                self.outbox.give_up(&message);
            }
        }
    }
}
