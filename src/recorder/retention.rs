//! How long what is kept.

use std::time::Duration;

use super::RecorderError;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The span of time that one row sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day of UTC.
    Day,
}

impl Resolution {
    /// Returns the length of the span.
    pub const fn span(self) -> Duration {
        match self {
            Self::Minute => MINUTE,
            Self::Hour => HOUR,
            Self::Day => DAY,
        }
    }

    /// Returns the next resolution; `None` after days.
    #[cfg(feature = "management")]
    pub(crate) fn coarser(self) -> Option<Self> {
        match self {
            Self::Minute => Some(Self::Hour),
            Self::Hour => Some(Self::Day),
            Self::Day => None,
        }
    }

    pub(super) const fn seconds(self) -> i64 {
        self.span().as_secs() as i64
    }

    pub(super) fn of_seconds(seconds: i64) -> Self {
        match seconds {
            ..=60 => Self::Minute,
            61..=3600 => Self::Hour,
            _ => Self::Day,
        }
    }

    /// Returns the start of the span that a time in seconds falls into.
    pub(super) const fn floor(self, seconds: i64) -> i64 {
        seconds - seconds.rem_euclid(self.seconds())
    }
}

/// How long each resolution is kept before it is summed up into the next, and then deleted.
///
/// ```
/// use std::time::Duration;
/// use tower_health::recorder::Retention;
///
/// let hour = Duration::from_secs(60 * 60);
/// let mut retention = Retention::default();
/// assert_eq!(retention.minutes, 48 * hour);
/// assert_eq!(retention.hours, 31 * 24 * hour);
/// assert_eq!(retention.days, 365 * 24 * hour);
/// retention.minutes = 24 * hour;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// How long minutes are kept. Default: 48 h; at least 3 h, so that a process that could not write
    /// for 90 minutes still can write its minutes.
    pub minutes: Duration,
    /// How long hours are kept. Default: 31 days; at least a day more than minutes.
    pub hours: Duration,
    /// How long days and transitions are kept. Default: 365 days; at least a day more than hours, and
    /// at most a century.
    pub days: Duration,
    /// How many transitions of each check and each probe of an instance are kept. Default: 1,000;
    /// from 1 to 1,000,000.
    ///
    /// The oldest go first, so that a check that flaps for months does not fill the disk.
    pub transitions: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            minutes: 48 * HOUR,
            hours: 31 * DAY,
            days: 365 * DAY,
            transitions: 1_000,
        }
    }
}

impl Retention {
    pub(super) fn check(&self) -> Result<(), RecorderError> {
        let fault = if self.minutes < 3 * HOUR {
            "retention.minutes must be at least 3 h"
        } else if self.hours < self.minutes.saturating_add(DAY) {
            "retention.hours must be at least a day more than retention.minutes"
        } else if self.days < self.hours.saturating_add(DAY) {
            "retention.days must be at least a day more than retention.hours"
        } else if self.days > CENTURY {
            "retention.days must be at most a century"
        } else if !(1..=1_000_000).contains(&self.transitions) {
            "retention.transitions must be from 1 to 1,000,000"
        } else {
            return Ok(());
        };
        Err(RecorderError::setting(fault))
    }

    /// Returns how long a resolution is kept, in seconds.
    pub(super) fn seconds(&self, resolution: Resolution) -> i64 {
        let kept = match resolution {
            Resolution::Minute => self.minutes,
            Resolution::Hour => self.hours,
            Resolution::Day => self.days,
        };
        kept.as_secs().try_into().unwrap_or(i64::MAX / 4)
    }

    /// Returns the finest resolution in which everything is kept that is as old as this.
    pub(super) fn resolution_for(&self, age: Duration) -> Resolution {
        match age {
            age if age <= self.minutes => Resolution::Minute,
            age if age <= self.hours => Resolution::Hour,
            _ => Resolution::Day,
        }
    }
}
