//! What an indicator remembers between its runs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// An answer of the server beside the pool.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) at: Instant,
    /// `Some` if the answer is that it accepts no further connection, in the words of the server.
    pub(super) full: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    /// `None` if the last run came to another result than that the pool is short of connections.
    beside: Option<Answer>,
    /// When a connection of the pool answered last.
    pooled_at: Option<Instant>,
}

impl Memory {
    /// Takes the last answer beside the pool, so that any result but one leaves none.
    pub(super) fn take_beside(&self) -> Option<Answer> {
        self.remembered().beside.take()
    }

    pub(super) fn set_beside(&self, answer: Answer) {
        self.remembered().beside = Some(answer);
    }

    /// A connection of the pool has answered.
    pub(super) fn pooled_answered(&self) {
        self.remembered().pooled_at = Some(Instant::now());
    }

    /// A connection of the pool has not answered, and no other one either: what answered before says
    /// nothing of the server any more.
    pub(super) fn pooled_fell_silent(&self) {
        self.remembered().pooled_at = None;
    }

    /// How long ago a connection of the pool answered last.
    pub(super) fn since_pooled(&self) -> Option<Duration> {
        self.remembered().pooled_at.map(|at| at.elapsed())
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
