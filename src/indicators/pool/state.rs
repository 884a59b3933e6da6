//! How many connections a pool has.

use crate::{Failure, Observation};

/// The number of connections of a pool at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    pub(super) open: usize,
    pub(super) idle: usize,
    pub(super) most: usize,
    pub(super) parent: Parent,
}

/// What is known of the pool that this one takes its places from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parent {
    None,
    /// It may have places left.
    Shared,
    Exhausted,
}

impl PoolState {
    /// A pool with this many open connections, of which so many are idle, and room for `most`.
    pub fn new(open: usize, idle: usize, most: usize) -> Self {
        Self {
            open,
            idle: idle.min(open),
            most,
            parent: Parent::None,
        }
    }

    /// The pool takes its places from a parent, which other pools share: the parent may be exhausted
    /// although this pool has room.
    #[must_use]
    pub fn with_parent(mut self) -> Self {
        self.parent = Parent::Shared;
        self
    }

    /// The pool takes its places from a parent, which has none left.
    #[must_use]
    pub fn with_exhausted_parent(mut self) -> Self {
        self.parent = Parent::Exhausted;
        self
    }

    /// Whether no connection is left for a further caller.
    pub(super) fn is_exhausted(self) -> bool {
        self.idle == 0 && (self.open >= self.most || self.parent == Parent::Exhausted)
    }

    /// Without a connection that the pool opens for the run itself.
    pub(super) fn without_one(self) -> Self {
        Self {
            open: self.open.saturating_sub(1),
            ..self
        }
    }

    pub(super) fn in_use(self) -> usize {
        self.open.saturating_sub(self.idle)
    }

    /// Why the pool gave no connection, as far as its numbers show.
    pub(super) fn refusal(self) -> String {
        let Self {
            open, idle, most, ..
        } = self;
        let in_use = self.in_use();
        if self.parent == Parent::Exhausted && open < most {
            format!(
                "the parent of the pool is exhausted ({in_use} of {most} connections of this pool \
                 are in use), none became free"
            )
        } else if self.is_exhausted() {
            format!(
                "the pool is exhausted: {open} of {most} connections are in use, none became free"
            )
        } else {
            let parent = match self.parent {
                Parent::Shared => "; its parent may be exhausted",
                Parent::None | Parent::Exhausted => "",
            };
            format!("the pool gave no connection ({open} of {most} are open, {idle} idle{parent})")
        }
    }

    fn readings(self) -> [(&'static str, Value, &'static str); 3] {
        let percent = self.in_use() as f64 / self.most.max(1) as f64 * 100.0;
        [
            ("connections", Value::Count(self.open), "open"),
            ("idleConnections", Value::Count(self.idle), "idle"),
            (
                "utilization",
                Value::Share((percent * 10.0).round() / 10.0),
                "percent",
            ),
        ]
    }

    /// Adds the readings of the pool.
    pub(super) fn observe(self, observation: Observation) -> Observation {
        let readings = self.readings().into_iter();
        readings.fold(observation, |all, (name, value, unit)| match value {
            Value::Count(count) => all.measurement(name, count, unit),
            Value::Share(share) => all.measurement(name, share, unit),
        })
    }

    /// As [`observe`](Self::observe).
    pub(super) fn explain(self, failure: Failure) -> Failure {
        let readings = self.readings().into_iter();
        readings.fold(failure, |all, (name, value, unit)| match value {
            Value::Count(count) => all.measurement(name, count, unit),
            Value::Share(share) => all.measurement(name, share, unit),
        })
    }
}

enum Value {
    Count(usize),
    Share(f64),
}
