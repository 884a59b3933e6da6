//! What stands for a state: a shape and a word, so that no state is told by colour alone.

use crate::Status;

/// The shape that stands for a state. Each also has a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// A hollow circle: nothing is known yet.
    Unknown,
    /// A disc.
    Pass,
    /// A triangle.
    Warn,
    /// A square with a cross.
    Fail,
}

impl Shape {
    /// Returns the name in ids and classes.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }

    /// Returns a character like the shape, for the title of the window.
    pub(crate) fn character(self) -> char {
        match self {
            Self::Unknown => '○',
            Self::Pass => '●',
            Self::Warn => '▲',
            Self::Fail => '✕',
        }
    }
}

impl From<Status> for Shape {
    fn from(status: Status) -> Self {
        match status {
            Status::Pass => Self::Pass,
            Status::Warn => Self::Warn,
            Status::Fail => Self::Fail,
        }
    }
}

/// A shape with its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) shape: Shape,
    pub(crate) word: &'static str,
}

impl From<Status> for Mark {
    fn from(status: Status) -> Self {
        Self {
            shape: status.into(),
            word: status.as_str(),
        }
    }
}
