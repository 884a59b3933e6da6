//! What can be wrong with a configuration, told all at once and by name.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::model::name::NameFault;
use crate::probe::Probe;

/// Why a [`Health`](crate::Health), a [`HealthLayer`](crate::HealthLayer) or something that was
/// added to them could not be built.
///
/// It holds every problem that was found, not only the first; its text names the offending check,
/// path or option of each.
#[derive(Debug)]
pub struct BuildError {
    problems: Vec<Problem>,
}

impl BuildError {
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// An error if there is any problem.
    pub(crate) fn check(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self::new(problems))
        }
    }

    /// Whether a check, gate or heartbeat has a name that is taken or not allowed.
    pub fn is_name(&self) -> bool {
        self.any(|problem| {
            matches!(
                problem,
                Problem::Name { .. }
                    | Problem::DuplicateName { .. }
                    | Problem::IndicatorPanicked { .. }
            )
        })
    }

    /// Whether something is named that does not exist.
    pub fn is_unknown(&self) -> bool {
        self.any(|problem| matches!(problem, Problem::Unknown { .. }))
    }

    /// Whether a path cannot be a probe path, or is one twice.
    pub fn is_path(&self) -> bool {
        self.any(|problem| {
            matches!(
                problem,
                Problem::Path { .. } | Problem::DuplicatePath { .. }
            )
        })
    }

    /// Whether an option of a check or of its indicator has a value that cannot work, such as a TTL
    /// of zero.
    pub fn is_option(&self) -> bool {
        self.any(|problem| matches!(problem, Problem::Option { .. } | Problem::Indicator { .. }))
    }

    /// Whether there is no runtime to run checks on, or it has ended.
    pub fn is_runtime(&self) -> bool {
        self.any(|problem| matches!(problem, Problem::Runtime(_)))
    }

    /// Whether it came too late: startup has completed, or the gate was claimed before.
    pub fn is_too_late(&self) -> bool {
        self.any(|problem| matches!(problem, Problem::TooLate { .. }))
    }

    fn any(&self, is: impl Fn(&Problem) -> bool) -> bool {
        self.problems.iter().any(is)
    }
}

impl From<Problem> for BuildError {
    fn from(problem: Problem) -> Self {
        Self::new(vec![problem])
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl Error for BuildError {}

/// What has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Check(Probe),
    Gate,
    Heartbeat,
    Service,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Check(probe) => write!(f, "{probe} check"),
            Self::Gate => f.write_str("gate"),
            Self::Heartbeat => f.write_str("heartbeat"),
            Self::Service => f.write_str("gRPC service"),
        }
    }
}

#[derive(Debug)]
pub(crate) enum Problem {
    Name {
        of: Named,
        name: String,
        fault: NameFault,
    },
    DuplicateName {
        of: Named,
        name: String,
    },
    IndicatorPanicked {
        of: Named,
        message: String,
    },
    Unknown {
        of: &'static str,
        name: String,
    },
    Path {
        path: String,
        fault: &'static str,
    },
    DuplicatePath {
        path: String,
        probes: [Probe; 2],
    },
    /// What an indicator says of how it was configured.
    Indicator {
        name: String,
        fault: String,
    },
    Option {
        of: Option<String>,
        option: &'static str,
        fault: OptionFault,
    },
    Runtime(&'static str),
    TooLate {
        of: Named,
        name: String,
        fault: &'static str,
    },
}

#[derive(Debug)]
pub(crate) enum OptionFault {
    Zero,
    TooShort { given: Duration, needed: Duration },
    Text(&'static str),
}

impl Problem {
    pub(crate) fn zero(of: Option<&str>, option: &'static str) -> Self {
        Self::option(of, option, OptionFault::Zero)
    }

    pub(crate) fn option(of: Option<&str>, option: &'static str, fault: OptionFault) -> Self {
        Self::Option {
            of: of.map(str::to_owned),
            option,
            fault,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { of, name, fault } => write!(f, "{of} {name:?}: bad name: {fault}"),
            Self::DuplicateName { of, name } => write!(f, "{of} {name:?}: the name is taken"),
            Self::IndicatorPanicked { of, message } => {
                write!(
                    f,
                    "a {of} panicked while it was asked for its name and settings: {message}"
                )
            }
            Self::Unknown { of, name } => write!(f, "there is no {of} {name:?}"),
            Self::Path { path, fault } => write!(f, "probe path {path:?}: {fault}"),
            Self::DuplicatePath {
                path,
                probes: [one, other],
            } => {
                write!(
                    f,
                    "probe path {path:?}: it is given for {one} and for {other}"
                )
            }
            Self::Indicator { name, fault } => write!(f, "{name:?}: {fault}"),
            Self::Option {
                of: Some(of),
                option,
                fault,
            } => write!(f, "{of:?}: {option} {fault}"),
            Self::Option {
                of: None,
                option,
                fault,
            } => write!(f, "{option} {fault}"),
            Self::Runtime(fault) => f.write_str(fault),
            Self::TooLate { of, name, fault } => write!(f, "{of} {name:?}: {fault}"),
        }
    }
}

impl fmt::Display for OptionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero => f.write_str("must not be zero"),
            Self::TooShort { given, needed } => {
                write!(f, "is {given:?}, which must be more than {needed:?}")
            }
            Self::Text(fault) => f.write_str(fault),
        }
    }
}
