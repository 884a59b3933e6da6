//! The moment of a snapshot, the longest duration, and wall-clock time as text.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use humantime::{Rfc3339Timestamp, format_rfc3339_millis};

/// The first second of the year 10000.
const TOO_LATE: u64 = 253_402_300_800;

/// The longest duration of a setting, so that sums and multiples of durations cannot overflow.
pub(crate) const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A moment at which the state is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) at: Instant,
    pub(crate) time: SystemTime,
    /// The moment as of which results are judged: earlier than `at` while the process may only just
    /// have been resumed.
    pub(crate) judged_at: Instant,
    /// For how long the refresher has been late without having noticed yet.
    pub(crate) overdue: Duration,
}

impl Moment {
    /// Creates a moment for which the refresher is on time.
    pub(crate) fn on_time(at: Instant, time: SystemTime) -> Self {
        Self {
            at,
            time,
            judged_at: at,
            overdue: Duration::ZERO,
        }
    }
}

/// Formats a time as RFC 3339 in UTC, to the millisecond.
///
/// Returns `None` before 1970 and after 9999, which the format cannot express.
pub(crate) fn rfc3339(time: SystemTime) -> Option<Rfc3339Timestamp> {
    let since_1970 = time.duration_since(UNIX_EPOCH).ok()?;
    (since_1970.as_secs() < TOO_LATE).then(|| format_rfc3339_millis(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_outside_the_format_has_no_text() {
        let text = |time| rfc3339(time).map(|text| text.to_string());
        let later = UNIX_EPOCH + Duration::from_millis(1_705_314_600_007);
        assert_eq!(text(later).as_deref(), Some("2024-01-15T10:30:00.007Z"));
        assert_eq!(text(UNIX_EPOCH - Duration::from_secs(1)), None);
        let last = UNIX_EPOCH + Duration::from_secs(TOO_LATE - 1);
        assert_eq!(text(last).as_deref(), Some("9999-12-31T23:59:59.000Z"));
        assert_eq!(text(UNIX_EPOCH + Duration::from_secs(TOO_LATE)), None);
    }
}
