//! The restarts of the scheduler: how many there have to be, and whether one is going on.

use super::host::{SETTLED, Time};
use super::semantics::RESTART;

/// The restarts of the scheduler.
#[derive(Default)]
pub(super) struct Restarts {
    pub(super) count: u64,
    /// `Some` while a restart is going on: when it was noticed, and the round in which it was over.
    noticed: Option<Time>,
    over: Option<u64>,
    pub(super) is_going_on: bool,
    /// When the last restart was over.
    pub(super) last: Option<Time>,
}

impl Restarts {
    /// Notes that the scheduler is being broken.
    pub(super) fn begin(&mut self) {
        *self = Self {
            count: self.count + 1,
            is_going_on: true,
            ..Self::default()
        };
    }

    /// Finds out whether a restart is over.
    pub(super) fn update(&mut self, restarts: u64, now: Time, round: u64) {
        if !self.is_going_on || restarts < self.count {
            return;
        }
        let noticed = *self.noticed.get_or_insert(now);
        if now < noticed + RESTART {
            return;
        }
        let over = *self.over.get_or_insert(round);
        if round >= over + SETTLED {
            *self = Self {
                count: self.count,
                last: Some(now),
                ..Self::default()
            };
        }
    }
}
