//! The three words that every answer, report and log line uses.

use std::fmt;

/// The state of a check or of a probe.
///
/// The words are those of [draft-inadarei-api-health-check-06, section 3.1][draft].
/// Statuses are ordered from best to worst, so that the worst of several is their maximum.
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
    /// Healthy, with concerns that somebody should look at. A probe answers 200.
    Warn,
    /// Unhealthy. A probe answers 503.
    Fail,
}

impl Status {
    /// Returns the word of the draft: `pass`, `warn` or `fail`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }

    /// Whether a probe with this status answers 200: everything but [`Fail`](Self::Fail).
    pub const fn is_healthy(self) -> bool {
        !matches!(self, Self::Fail)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
