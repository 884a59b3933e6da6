//! The error of a configuration: every problem at once, each with the offending name.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::name::NameFault;
use super::{LONGEST, Probe};

/// Error of building a [`Health`](crate::Health) or a [`HealthLayer`](crate::HealthLayer), or of
/// changing a `Health`.
///
/// It holds every problem that was found, not only the first. `Display` and `Debug` print the same
/// text, which names the offending check, path or option of each problem.
///
/// ```
/// use std::time::Duration;
/// use tower_health::{Check, Health, indicator_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let db = Check::new(indicator_fn("db", async || Ok::<_, std::io::Error>(())));
/// let error = Health::builder()
///     .readiness(db.timeout(Duration::ZERO))
///     .gate("warm up")
///     .start()
///     .unwrap_err();
/// assert!(error.is_option() && error.is_name());
/// assert!(error.to_string().contains(r#""db": timeout must not be zero"#));
/// # }
/// ```
pub struct BuildError {
    problems: Vec<Problem>,
}

impl BuildError {
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// Returns an error if there is any problem.
    pub(crate) fn check(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self::new(problems))
        }
    }

    /// Returns whether the name of a check, gate, heartbeat or gRPC service is taken or invalid.
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

    /// Returns whether a name refers to a check or gate that does not exist.
    pub fn is_unknown(&self) -> bool {
        self.any(|problem| {
            matches!(
                problem,
                Problem::Unknown { .. }
                    | Problem::UnknownInSettings { .. }
                    | Problem::UnknownInService { .. }
            )
        })
    }

    /// Returns whether a probe path is invalid or belongs to two probes.
    pub fn is_path(&self) -> bool {
        self.any(|problem| {
            matches!(
                problem,
                Problem::Path { .. } | Problem::Prefix { .. } | Problem::DuplicatePath { .. }
            )
        })
    }

    /// Returns whether an option has a value that cannot work, such as a TTL of zero.
    pub fn is_option(&self) -> bool {
        self.any(|problem| matches!(problem, Problem::Option { .. } | Problem::Indicator { .. }))
    }

    /// Returns whether a tokio runtime is missing or unsuitable, or the refresher is not running.
    pub fn is_runtime(&self) -> bool {
        self.any(|problem| matches!(problem, Problem::Runtime(_)))
    }

    /// Returns whether the call came too late: startup is complete, or the gate was already taken.
    pub fn is_too_late(&self) -> bool {
        self.any(|problem| matches!(problem, Problem::TooLate { .. }))
    }

    /// Returns whether one of the [limits](crate::Limits) is reached.
    pub fn is_limit(&self) -> bool {
        self.any(|problem| matches!(problem, Problem::TooMany { .. }))
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

/// Prints the same text as `Display`, because `main` shows an error that it returns with `Debug`.
impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for BuildError {}

/// Identifies what a name belongs to.
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
    UnknownInSettings {
        name: String,
    },
    UnknownInService {
        service: String,
        name: String,
    },
    Path {
        path: String,
        fault: &'static str,
    },
    Prefix {
        prefix: String,
        fault: &'static str,
    },
    DuplicatePath {
        path: String,
        probes: [Probe; 2],
    },
    /// The [`config_error`](crate::HealthIndicator::config_error) of an indicator.
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
    #[cfg_attr(not(feature = "grpc"), expect(dead_code))]
    TooMany {
        of: Named,
        name: String,
        most: usize,
    },
    TooLate {
        of: Named,
        name: String,
        fault: &'static str,
    },
}

#[derive(Debug)]
pub(crate) enum OptionFault {
    Zero,
    /// A `stale_after` that ends before the next result can arrive.
    TooShort {
        given: Duration,
        needed: Duration,
    },
    /// A limit that is too low or too high.
    OutOfRange {
        given: String,
        least: String,
        most: String,
    },
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
                    "the indicator of a {of} panicked while its name and settings were read: {message}"
                )
            }
            Self::Unknown { of, name } => write!(f, "there is no {of} {name:?}"),
            Self::UnknownInSettings { name } => {
                write!(
                    f,
                    "settings for {name:?}: no check of this name is registered"
                )
            }
            Self::UnknownInService { service, name } => {
                write!(
                    f,
                    "gRPC service {service:?}: there is no readiness check {name:?}"
                )
            }
            Self::Path { path, fault } => write!(f, "probe path {path:?}: {fault}"),
            Self::Prefix { prefix, fault } => write!(f, "path prefix {prefix:?}: {fault}"),
            Self::DuplicatePath {
                path,
                probes: [one, other],
            } => {
                write!(f, "probe path {path:?}: it belongs to {one} and to {other}")
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
            Self::TooMany { of, name, most } => {
                write!(
                    f,
                    "{of} {name:?}: there are {most} already, which is the limit"
                )
            }
            Self::TooLate { of, name, fault } => write!(f, "{of} {name:?}: {fault}"),
        }
    }
}

impl fmt::Display for OptionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero => f.write_str("must not be zero"),
            Self::TooShort { given, needed } => {
                write!(
                    f,
                    "is {given:?}, but must be more than {needed:?} (1.5 times the interval between runs)"
                )
            }
            Self::OutOfRange { given, least, most } => {
                write!(f, "is {given}, but must be from {least} to {most}")
            }
            Self::Text(fault) => f.write_str(fault),
        }
    }
}

/// Returns a problem if a duration is zero or longer than a year.
pub(crate) fn duration_problem(
    of: Option<&str>,
    option: &'static str,
    duration: Duration,
) -> Option<Problem> {
    if duration.is_zero() {
        return Some(Problem::zero(of, option));
    }
    let too_long = OptionFault::Text("must not be longer than a year");
    (duration > LONGEST).then(|| Problem::option(of, option, too_long))
}
