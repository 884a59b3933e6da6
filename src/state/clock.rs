//! The monotonic clock. It is tokio's, so that tests with paused time control every deadline.

use std::time::Instant;

/// Returns the current time.
#[inline]
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
