//! The monotonic clock. It is tokio's, so that tests with paused time control every deadline.

use std::time::{Duration, Instant};

/// Returns the current time.
#[inline]
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The moment from which atomic integers count nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(Instant);

impl Epoch {
    pub(crate) fn new(at: Instant) -> Self {
        Self(at)
    }

    /// Returns the nanoseconds since the epoch: 0 before it, and `u64::MAX` from 584 years on.
    pub(crate) fn nanos(self, at: Instant) -> u64 {
        as_nanos(at.saturating_duration_since(self.0))
    }

    /// Returns the moment this many nanoseconds after the epoch.
    pub(crate) fn at(self, nanos: u64) -> Instant {
        self.0 + Duration::from_nanos(nanos)
    }
}

pub(crate) fn as_nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
