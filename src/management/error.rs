//! The error of starting the management port.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::BuildError;

/// Error of starting the management port; `Display` names the address or the option at fault.
pub struct ManagementError(Fault);

pub(super) enum Fault {
    /// The listener can be reached from other hosts, and that was not allowed.
    Remote(SocketAddr),
    Option(String),
    Io(String, io::Error),
}

impl ManagementError {
    /// Returns whether the listener can be reached from other hosts without
    /// [`allow_remote`](crate::management::Management::allow_remote).
    pub fn is_remote(&self) -> bool {
        matches!(self.0, Fault::Remote(_))
    }

    /// Returns whether an option cannot work, such as an empty token.
    pub fn is_option(&self) -> bool {
        matches!(self.0, Fault::Option(_))
    }

    /// Returns whether the system refused: the address is in use, or no thread can start.
    pub fn is_io(&self) -> bool {
        matches!(self.0, Fault::Io(..))
    }

    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        |error| Self(Fault::Io(what.into(), error))
    }
}

impl From<Fault> for ManagementError {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl From<BuildError> for ManagementError {
    fn from(error: BuildError) -> Self {
        Self(Fault::Option(error.to_string()))
    }
}

impl fmt::Display for ManagementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Fault::Remote(address) => write!(
                f,
                "management listener {address}: other hosts can reach it; listen on a loopback \
                 address, or call `allow_remote` if that is intended"
            ),
            Fault::Option(fault) => write!(f, "management: {fault}"),
            Fault::Io(what, error) => write!(f, "management: {what}: {error}"),
        }
    }
}

/// Prints the same text as `Display`, because `main` shows an error that it returns with `Debug`.
impl fmt::Debug for ManagementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for ManagementError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            Fault::Io(_, error) => Some(error),
            Fault::Remote(_) | Fault::Option(_) => None,
        }
    }
}
