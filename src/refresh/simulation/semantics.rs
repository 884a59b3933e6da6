//! What the refresher promises about time. These are copies on purpose: who changes a promise has to
//! change it here too.

use std::time::Duration;

/// A jump of the clock that is not longer than this can escape the refresher: it measures its
/// lateness every 23 ms while runs are in flight, and ignores less than 10 ms.
pub(super) const UNNOTICED: Duration = Duration::from_millis(35);

/// The same for heartbeats, since it looks less often while no run is in flight.
pub(super) const UNNOTICED_IDLE: Duration = Duration::from_millis(1_012);

/// What a run once has left, at least, after the process did not run for so long or longer.
pub(super) const GRACE: Duration = Duration::from_millis(100);

/// The lateness that excuses a failure.
pub(super) const STARVED: Duration = Duration::from_millis(100);

/// The lateness that may excuse several failures in a row, and how many.
pub(super) const LONG_PAUSE: Duration = Duration::from_secs(1);
pub(super) const EXCUSES: u32 = 3;

/// How long readers forgive a refresher that they have found overdue.
pub(super) const RESUMING: Duration = Duration::from_secs(1);

/// How long a restart of the scheduler takes, with the precision of the timers.
pub(super) const RESTART: Duration = Duration::from_millis(102);
