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
    earlier: Earlier,
    /// When a connection of the pool answered a run last; `None` if none has, or if the last one that
    /// had to answer did not: what answered before says nothing of the server any more.
    pooled_at: Option<Instant>,
}

/// What the last run leaves to the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct Earlier {
    /// `None` if it came to another result than that the pool is short of connections.
    pub(super) beside: Option<Answer>,
    /// Whether the server was silent beside the pool.
    pub(super) was_silent: bool,
}

impl Memory {
    /// Takes what the last run left, so that most results leave nothing.
    pub(super) fn begin_run(&self) -> Earlier {
        std::mem::take(&mut self.remembered().earlier)
    }

    pub(super) fn set_silent(&self) {
        self.remembered().earlier.was_silent = true;
    }

    pub(super) fn set_beside(&self, answer: Answer) {
        self.remembered().earlier.beside = Some(answer);
    }

    /// A connection of the pool has answered.
    pub(super) fn pooled_answered(&self) {
        self.remembered().pooled_at = Some(Instant::now());
    }

    /// A connection of the pool has not answered, and no other one either.
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
