//! The alarm of the scheduler, which measures how late it fires.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep_until};

use crate::state::NOTICEABLE;

pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// When the scheduler should be awake again; `None` if only an event wakes it.
    due: Option<Instant>,
}

/// A turn that began later than planned: the process was paused, or its runtime is busy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Late {
    /// When the turn should have begun.
    pub(super) alarm: Instant,
    pub(super) by: Duration,
}

impl Late {
    /// Returns how much of it came after a moment.
    pub(super) fn after(&self, at: Instant) -> Duration {
        let end = self.alarm + self.by;
        end.saturating_duration_since(self.alarm.max(at))
    }
}

impl Alarm {
    /// Creates an alarm for the first turn, which is due now; must be called within a runtime.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            sleep: Box::pin(sleep_until(now.into())),
            due: Some(now),
        }
    }

    /// Returns whether the alarm fired, rather than an event.
    pub(super) fn has_fired(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// Returns how late the scheduler is: for a turn that begins, since the alarm; within a turn,
    /// since the last call. `None` if that is not noticeable.
    ///
    /// Each lateness is returned once.
    pub(super) fn lateness(&mut self, now: Instant) -> Option<Late> {
        let alarm = self.due.replace(now)?;
        let by = now.saturating_duration_since(alarm);
        (by >= NOTICEABLE).then_some(Late { alarm, by })
    }

    /// Forgets the alarm, after a time in which the scheduler was away.
    pub(super) fn forget(&mut self) {
        self.due = None;
    }

    /// Sets the alarm, and resolves when it fires.
    pub(super) fn poll(
        &mut self,
        at: Option<Instant>,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        // What is due already is due from now on, and not late.
        self.due = at.map(|at| at.max(now));
        let Some(at) = self.due else {
            return Poll::Pending;
        };
        self.sleep.as_mut().reset(at.into());
        ready!(self.sleep.as_mut().poll(cx));
        Poll::Ready(())
    }
}
