//! How a run ended.

use std::fmt;

use crate::model::{CheckResult, Status};

/// How one run of a check ended, before thresholds and criticality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RunOutcome {
    /// The indicator passed.
    Pass,
    /// The indicator passed with a warning.
    Warn,
    /// The indicator failed.
    Fail,
    /// The run exceeded its timeout.
    Timeout,
    /// The indicator panicked.
    Panic,
    /// The run failed while the refresher was late, and does not count.
    Starved,
}

impl RunOutcome {
    /// Every outcome, in the order of their numbers. A later release may have more.
    pub const ALL: &'static [Self] = &Self::EACH;

    pub(crate) const EACH: [Self; 6] = [
        Self::Pass,
        Self::Warn,
        Self::Fail,
        Self::Timeout,
        Self::Panic,
        Self::Starved,
    ];

    /// Returns how a run ended that returned a result.
    pub(crate) fn of(result: &CheckResult) -> Self {
        match result.as_ref().map(|seen| seen.status) {
            Ok(Status::Pass) => Self::Pass,
            Ok(Status::Warn) => Self::Warn,
            Ok(Status::Fail) | Err(_) => Self::Fail,
        }
    }

    /// Returns the word for the outcome: `pass`, `warn`, `fail`, `timeout`, `panic` or `starved`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Timeout => "timeout",
            Self::Panic => "panic",
            Self::Starved => "starved",
        }
    }

    /// Returns whether the run passed, perhaps with a warning.
    pub fn has_passed(self) -> bool {
        matches!(self, Self::Pass | Self::Warn)
    }

    /// Returns the status that a single such run stands for.
    pub(crate) fn status(self) -> Status {
        match self {
            Self::Pass => Status::Pass,
            Self::Warn => Status::Warn,
            _ => Status::Fail,
        }
    }
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
