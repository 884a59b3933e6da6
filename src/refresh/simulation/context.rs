//! What the model needs to know of the host: how much time a run, a result or the refresher had.

use std::collections::BTreeMap;
use std::time::Duration;

use super::host::{CheckId, Facts, Jumps, Moment, Time};
use super::model::{Book, Run};
use super::semantics::GRACE;

/// What the model needs to know of the host.
pub(super) struct Context<'a> {
    pub(super) now: Time,
    pub(super) jumps: &'a Jumps,
    /// The most by which a deadline or an expiry moves.
    pub(super) bound: Duration,
    pub(super) is_settled: &'a dyn Fn(Moment) -> bool,
    pub(super) is_restarting: bool,
    /// When the scheduler was back after it was last restarted.
    pub(super) restarted: Option<Time>,
}

impl Context<'_> {
    pub(super) fn is_settled(&self, moment: Moment) -> bool {
        (self.is_settled)(moment)
    }

    pub(super) fn was_restarted_since(&self, time: Time) -> bool {
        self.is_restarting || self.restarted.is_some_and(|at| at >= time)
    }

    /// Returns the time that was lost while a run was in flight, and that the refresher must have
    /// noticed.
    pub(super) fn noticed(&self, from: Time, to: Time) -> Duration {
        if self.was_restarted_since(from) {
            return Duration::ZERO;
        }
        self.jumps.between(from, to).noticeable
    }

    /// Returns the time that a run had, at most, in the eyes of the refresher, which makes up for
    /// lost time up to a bound.
    pub(super) fn at_most(&self, run: &Run, to: Time) -> Duration {
        (to - run.began).saturating_sub(self.noticed(run.start.at, to).min(self.bound))
    }

    /// Returns the time that the process had at least.
    pub(super) fn at_least(&self, from: Time, to: Time) -> Duration {
        (to - from).saturating_sub(self.jumps.between(from, to).total)
    }

    /// Returns how much lateness the refresher can have measured.
    pub(super) fn late_at_most(&self, from: Time, to: Time) -> Duration {
        let lost = self.jumps.between(from, to);
        lost.total + Duration::from_millis(1) * lost.count
    }

    /// Returns by how much an expiry can have moved.
    pub(super) fn moved_at_most(&self, from: Time, to: Time) -> Duration {
        self.late_at_most(from, to).min(self.bound)
    }

    /// Returns when a run must have ended or been given up, if it is still there at a time.
    pub(super) fn must_end_by(&self, run: &Run, timeout: Duration, to: Time) -> Time {
        let moved = run.start.at + timeout + self.moved_at_most(run.began, to);
        moved.max(self.jumps.last_end(to) + GRACE)
    }
}

impl Facts {
    /// Calls a function with every book, and with what the model needs to know of the host.
    pub(super) fn with_books<T>(
        &mut self,
        now: Time,
        (is_restarting, restarted): (bool, Option<Time>),
        call: impl FnOnce(&mut BTreeMap<CheckId, Book>, &Context<'_>) -> T,
    ) -> T {
        let mut books = std::mem::take(&mut self.books);
        let is_settled = |moment| !is_restarting && self.is_settled(moment, now);
        let context = Context {
            now,
            jumps: &self.jumps,
            bound: self.bound,
            is_settled: &is_settled,
            is_restarting,
            restarted,
        };
        let result = call(&mut books, &context);
        self.books = books;
        result
    }
}
