//! Spans of time, and how a test lets them pass on the paused clock.

use std::time::Duration;

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Lets this much time pass on the paused clock, and everything happen that is due in it.
pub(crate) async fn lapse(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Lets the runs that are due now end and be published.
pub(crate) async fn settle() {
    lapse(millis(50)).await;
}
