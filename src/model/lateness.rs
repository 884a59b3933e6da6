//! How late the refresher is, as plain data.

use std::time::Duration;

/// Tells how late the refresher was, because its process was paused or its runtime is busy.
///
/// [`Health::lateness`](crate::Health::lateness) returns it. The refresher measures how much later
/// than planned it wakes up, and ignores less than 10 ms (25 ms on Windows). A lateness near 0 means that timeouts and
/// results are as precise as their settings.
///
/// While the refresher is late, no check can run, so no dependency is blamed: timeouts and expiries
/// move by the lateness, each by no more than [`Limits::lateness`](crate::Limits::lateness) in all.
/// The [guide to hostile hosts](crate::guides::hostile_hosts) has the rules.
///
/// ```
/// use tower_health::{Health, Status};
///
/// let health = Health::fixed(Status::Pass);
/// assert!(health.lateness().latest.is_zero());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lateness {
    /// How late the refresher was in its last turn. It grows with the clock while the refresher is
    /// overdue, and for ever once it is gone.
    pub latest: Duration,
    /// The longest lateness since the start.
    pub worst: Duration,
    /// The sum since the start.
    pub total: Duration,
    /// The number of runs that failed while the refresher was late, and so do not count.
    pub starved_runs: u64,
}
