//! Why a status is not healthy, in one word.

use std::fmt;

/// Tells why a check or a probe does not pass.
///
/// Outputs, transitions and log lines use the same words. Only [`Failed`](Self::Failed) blames the
/// dependency.
///
/// ```
/// use tower_health::Cause;
///
/// assert_eq!(Cause::Starved.to_string(), "starved");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The process did not get to run the check in time, and the last result is old. The refresher
    /// was late: the process was paused, or its runtime is busy.
    Starved,
    /// The last result is old although the refresher was on time: a run does not end, the check
    /// waits for a [probe](crate::Check::while_probed), or the refresher is gone.
    Stale,
    /// The check ran and failed, or took longer than its timeout.
    Failed,
}

impl Cause {
    /// Returns the word: `starved`, `stale` or `failed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starved => "starved",
            Self::Stale => "stale",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
