//! A change of status, told once.

use std::fmt;
use std::time::SystemTime;

use super::{Probe, Status};

/// What changed its status.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// A probe as a whole.
    Probe(Probe),
    /// One check of a probe.
    Check {
        /// The probe that the check belongs to.
        probe: Probe,
        /// The name of the check.
        name: String,
    },
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Probe(probe) => write!(f, "{probe}"),
            Self::Check { probe, name } => write!(f, "{probe}/{name}"),
        }
    }
}

/// A change of the status of a probe or of a check.
///
/// Each change is told exactly once, after the snapshot that shows it was published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// What changed.
    pub subject: Subject,
    /// The status before; `None` for the first result of a check.
    pub from: Option<Status>,
    /// The status now.
    pub to: Status,
    /// Why it does not pass: redacted, and at most 4 KiB. `None` when it passes.
    pub output: Option<String>,
    /// When the change was seen.
    pub time: SystemTime,
}
