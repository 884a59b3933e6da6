//! A bounded queue between the scheduler and a task that runs code of the application.
//!
//! Sending never waits. When the task is too slow, the queue drops the oldest items and tells the
//! sender, since a task that is blocked for ever could not count them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub(super) struct Sender<T>(Arc<Closing<T>>);

pub(super) struct Receiver<T>(Arc<Queue<T>>);

/// Creates a queue with room for this many items, at least one.
pub(super) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let queue = Arc::new(Queue {
        items: Mutex::default(),
        capacity,
        changed: Notify::new(),
        is_closed: AtomicBool::new(false),
    });
    (
        Sender(Arc::new(Closing(Arc::clone(&queue)))),
        Receiver(queue),
    )
}

struct Queue<T> {
    /// Locked only to push or to pop.
    items: Mutex<VecDeque<T>>,
    capacity: usize,
    changed: Notify,
    is_closed: AtomicBool,
}

impl<T> Queue<T> {
    fn items(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the queue with the last sender.
struct Closing<T>(Arc<Queue<T>>);

impl<T> Drop for Closing<T> {
    fn drop(&mut self) {
        self.0.is_closed.store(true, Ordering::Release);
        self.0.changed.notify_one();
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Sender<T> {
    /// Adds an item, and returns the oldest one if it had to go.
    pub(super) fn send(&self, item: T) -> Option<T> {
        let Closing(queue) = &*self.0;
        let mut items = queue.items();
        let oldest = if items.len() < queue.capacity {
            None
        } else {
            items.pop_front()
        };
        items.push_back(item);
        drop(items);
        queue.changed.notify_one();
        oldest
    }
}

impl<T> Receiver<T> {
    /// Waits for the next item; `None` after the last sender is dropped and the queue is empty.
    pub(super) async fn next(&mut self) -> Option<T> {
        loop {
            // Read first: no item is added after the queue was closed.
            let is_closed = self.0.is_closed.load(Ordering::Acquire);
            let item = self.try_next();
            if item.is_some() || is_closed {
                return item;
            }
            self.0.changed.notified().await;
        }
    }

    pub(super) fn try_next(&mut self) -> Option<T> {
        self.0.items().pop_front()
    }
}

/// A count of lost items as it was reported last.
#[derive(Default)]
pub(super) struct Reported(u64);

impl Reported {
    /// Returns the count if it has risen since the last report, and takes it for reported.
    pub(super) fn rise_to(&mut self, count: u64) -> Option<u64> {
        let before = std::mem::replace(&mut self.0, count);
        (count > before).then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_reported_each_time_it_has_risen() {
        let mut reported = Reported::default();
        let reports = [0, 3, 3, 4, 4].map(|count| reported.rise_to(count));
        assert_eq!(reports, [None, Some(3), None, Some(4), None]);
    }
}
