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
    first_run_at: Option<Instant>,
    pooled: Pooled,
}

/// What the last run leaves to the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct Earlier {
    /// `None` if it came to another result than that the pool is short of connections.
    pub(super) beside: Option<Answer>,
    /// Whether the server was silent beside the pool.
    pub(super) was_silent: bool,
}

/// What is known of the connections of the pool.
#[derive(Clone, Copy, Debug, Default)]
enum Pooled {
    /// None has answered a run, and none had to.
    #[default]
    Unseen,
    /// One answered then.
    Answered(Instant),
    /// The last one that had to answer did not.
    Silent,
}

impl Memory {
    /// Takes what the last run left, so that most results leave nothing.
    pub(super) fn begin_run(&self) -> Earlier {
        let mut remembered = self.remembered();
        remembered.first_run_at.get_or_insert_with(Instant::now);
        std::mem::take(&mut remembered.earlier)
    }

    pub(super) fn set_silent(&self) {
        self.remembered().earlier.was_silent = true;
    }

    pub(super) fn set_beside(&self, answer: Answer) {
        self.remembered().earlier.beside = Some(answer);
    }

    /// A connection of the pool has answered.
    pub(super) fn pooled_answered(&self) {
        self.remembered().pooled = Pooled::Answered(Instant::now());
    }

    /// A connection of the pool has not answered, and no other one either: what answered before says
    /// nothing of the server any more.
    pub(super) fn pooled_fell_silent(&self) {
        self.remembered().pooled = Pooled::Silent;
    }

    /// How long ago a connection of the pool answered last.
    pub(super) fn since_pooled(&self) -> Option<Duration> {
        match self.remembered().pooled {
            Pooled::Answered(at) => Some(at.elapsed()),
            Pooled::Unseen | Pooled::Silent => None,
        }
    }

    /// For how long the pool has given no answer for which a full server may be the reason: since its
    /// last answer, or since the first run.
    pub(super) fn since_excuse(&self) -> Option<Duration> {
        let remembered = self.remembered();
        match remembered.pooled {
            Pooled::Answered(at) => Some(at.elapsed()),
            Pooled::Unseen => remembered.first_run_at.map(|at| at.elapsed()),
            Pooled::Silent => None,
        }
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
