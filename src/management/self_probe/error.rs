//! Why a probe of this host did not pass.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// Error of [`self_probe`](super::self_probe); `Display` says in one line what is wrong.
pub struct SelfProbeError(pub(super) Fault);

pub(super) enum Fault {
    Input(String),
    Io(&'static str, io::Error),
    Timeout(Duration),
    /// The answer is no HTTP.
    Answer(String),
    /// The status, and the start of the body.
    Status(u16, String),
}

impl SelfProbeError {
    /// Returns the status that the server answered with; `None` if it gave no valid answer.
    pub fn status(&self) -> Option<u16> {
        match self.0 {
            Fault::Status(status, _) => Some(status),
            _ => None,
        }
    }

    /// Returns whether the server gave no answer within the timeout.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0, Fault::Timeout(_))
    }

    /// Returns whether the target or the path is malformed.
    pub fn is_input(&self) -> bool {
        matches!(self.0, Fault::Input(_))
    }
}

impl From<Fault> for SelfProbeError {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl fmt::Display for SelfProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Fault::Input(fault) => f.write_str(fault),
            Fault::Io(what, error) => write!(f, "{what}: {error}"),
            Fault::Timeout(timeout) => write!(f, "no answer within {timeout:?}"),
            Fault::Answer(fault) => f.write_str(fault),
            Fault::Status(status, body) if body.is_empty() => write!(f, "status {status}"),
            Fault::Status(status, body) => write!(f, "status {status}: {body}"),
        }
    }
}

/// Prints the same text as `Display`, because `main` shows an error that it returns with `Debug`.
impl fmt::Debug for SelfProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for SelfProbeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            Fault::Io(_, error) => Some(error),
            _ => None,
        }
    }
}
