//! The three statuses that every answer, report and log line uses.

use std::fmt;

/// Describes how healthy a check or a probe is.
///
/// The names come from [draft-inadarei-api-health-check-06, section 3.1][draft]. Statuses are
/// ordered from best to worst: the worst of several is their maximum.
///
/// ```
/// use tower_health::Status;
///
/// assert_eq!([Status::Pass, Status::Fail, Status::Warn].into_iter().max(), Some(Status::Fail));
/// assert_eq!(Status::Warn.to_string(), "warn");
/// ```
///
/// [draft]: https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check-06#section-3.1
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Healthy. A probe answers 200.
    Pass,
    /// Healthy, but an operator should have a look. A probe answers 200.
    Warn,
    /// Unhealthy. A probe answers 503.
    Fail,
}

impl Status {
    /// Returns the name in the draft: `pass`, `warn` or `fail`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }

    /// Returns whether a probe with this status answers 200: `true` except for [`Self::Fail`].
    pub const fn is_healthy(self) -> bool {
        !matches!(self, Self::Fail)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
