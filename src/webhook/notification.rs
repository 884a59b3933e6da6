//! What a message tells: one change, or several that are summed up.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{Status, Transition};

/// Holds what a message tells, for the [template](super::Webhook::template).
///
/// [`Display`](fmt::Display) writes it as one line:
///
/// - `readiness/db: pass -> fail (failed): connection refused`
/// - `readiness/db: changed 12 times since 2026-01-14T10:30:00.000Z, now pass`
///
/// If changes before it were lost, the line says how many.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Notification {
    /// Identifies the message: it is the same for each attempt to deliver it, and for no other
    /// message.
    ///
    /// A receiver that gets it twice was sent the same message again, because the answer to an
    /// attempt was lost.
    pub id: String,
    /// The latest change, which has the present status.
    pub transition: Transition,
    /// The status before the first of the changes; `None` if the check was new.
    pub from: Option<Status>,
    /// How many changes the message tells; more than 1 if they are summed up.
    pub changes: u64,
    /// When the first of the changes happened.
    pub since: SystemTime,
    /// The worst of the changes, and of several the first: why anybody was told.
    pub worst: Transition,
    /// Whether the subject is well again: its status is better than the
    /// [least](super::Webhook::min_status) that is posted.
    pub is_recovery: bool,
    /// How many changes were lost since the last message that was delivered. They are of any subject.
    pub dropped: u64,
    /// `serviceId` of the [settings](crate::HealthConfig::service_id).
    pub service_id: Option<String>,
    /// `version` of the [settings](crate::HealthConfig::version).
    pub version: Option<String>,
    /// `releaseId` of the [settings](crate::HealthConfig::release_id).
    pub release_id: Option<String>,
    /// The [environment](crate::HealthConfig::environment) of the settings.
    pub environment: Option<String>,
    /// The [name of the instance](super::Webhook::instance). With the subject it tells which alert a
    /// recovery ends: another instance may still be in trouble.
    pub instance: String,
    /// The [links](crate::Check::link) of the check, such as its runbook, by relation.
    pub links: Vec<(String, String)>,
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changes == 1 {
            write!(f, "{}", self.transition)?;
        } else {
            write!(
                f,
                "{}: changed {} times",
                self.transition.subject, self.changes
            )?;
            if let Some(since) = rfc3339(self.since) {
                write!(f, " since {since}")?;
            }
            write!(f, ", now {}", self.transition.to)?;
            if let Some(output) = &self.transition.output {
                write!(f, ": {}", escape(output))?;
            }
        }
        match self.dropped {
            0 => Ok(()),
            1 => f.write_str(" (1 change before it was lost)"),
            dropped => write!(f, " ({dropped} changes before it were lost)"),
        }
    }
}

/// Replaces characters that could begin a line of their own.
pub(super) fn escape(text: &str) -> String {
    let breaks = |c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}';
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if breaks(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// The first second of the year 10000.
const TOO_LATE: Duration = Duration::from_secs(253_402_300_800);

/// Formats a time in UTC; `None` for one that RFC 3339 cannot express.
pub(super) fn rfc3339(time: SystemTime) -> Option<String> {
    let since_1970 = time.duration_since(UNIX_EPOCH).ok()?;
    (since_1970 < TOO_LATE).then(|| humantime::format_rfc3339_millis(time).to_string())
}
