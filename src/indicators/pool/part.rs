//! How a run divides its time.

use std::time::Duration;

/// A part of a time: so many of so many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part(u32, u32);

/// Of the timeout: what the pool has until the run looks beside it.
pub(super) const UNTIL_BESIDE: Part = Part(9, 20);

/// Of the timeout: with less left, the statement of the application is not run.
pub(super) const LEAST_FOR_STATEMENT: Part = Part(1, 5);

/// Of the timeout: with less left, the silence of a pool says nothing.
pub(super) const LEAST_FOR_POOL: Part = Part(1, 10);

/// Of what is left: what the server may take for a statement, so that it reports what it waited for.
pub(super) const STATEMENT: Part = Part(3, 4);

/// Of what is left: what a query that was sent late has once the server has answered beside the pool.
pub(super) const LATE_QUERY: Part = Part(1, 3);

/// Of what is left: what the search for dead connections has.
pub(super) const SWEEP: Part = Part(2, 3);

/// Of what is left: what one further attempt has, while the next connection may be dead.
pub(super) const ATTEMPT: Part = Part(1, 4);

impl Part {
    pub(super) fn of(self, time: Duration) -> Duration {
        let Self(part, all) = self;
        time / all * part
    }
}
