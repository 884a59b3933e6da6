//! What can go wrong: in the settings, with the database, and with its schema.

use std::error::Error;
use std::fmt;

use crate::redact_credentials;

/// Error of a recorder or of an archive.
///
/// `Display` prints one line, with credentials masked.
#[derive(Clone, Debug)]
pub struct RecorderError {
    kind: Kind,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Setting,
    Schema,
    Unavailable,
    TooMuch,
    Ended,
}

impl RecorderError {
    pub(super) fn new(kind: Kind, text: impl fmt::Display) -> Self {
        let text = redact_credentials(&text.to_string());
        Self { kind, text }
    }

    pub(super) fn setting(text: impl fmt::Display) -> Self {
        Self::new(Kind::Setting, text)
    }

    pub(super) fn schema(text: impl fmt::Display) -> Self {
        Self::new(Kind::Schema, text)
    }

    pub(super) fn unavailable(text: impl fmt::Display) -> Self {
        Self::new(Kind::Unavailable, text)
    }

    pub(super) fn late() -> Self {
        Self::unavailable("the last write takes too long")
    }

    /// Returns whether a setting has a value that cannot work.
    pub fn is_setting(&self) -> bool {
        self.kind == Kind::Setting
    }

    /// Returns whether the database has no schema of this crate, or one of another version that
    /// cannot be migrated.
    pub fn is_schema(&self) -> bool {
        self.kind == Kind::Schema
    }

    /// Returns whether the database could not be reached, or did not do what it was asked to.
    pub fn is_unavailable(&self) -> bool {
        self.kind == Kind::Unavailable
    }

    /// Returns whether a query would have returned too many rows.
    pub fn is_too_much(&self) -> bool {
        self.kind == Kind::TooMuch
    }

    /// Returns whether the recorder has ended.
    pub fn is_ended(&self) -> bool {
        self.kind == Kind::Ended
    }
}

impl fmt::Display for RecorderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A message of a database can have several lines.
        for (index, line) in self.text.lines().map(str::trim).enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{line}")?;
        }
        Ok(())
    }
}

impl Error for RecorderError {}

impl From<sqlx::Error> for RecorderError {
    fn from(error: sqlx::Error) -> Self {
        let text = match &error {
            sqlx::Error::Database(database) => match database.code() {
                Some(code) => format!("{} ({code})", database.message()),
                None => database.message().to_owned(),
            },
            // The text that sqlx adds says less.
            sqlx::Error::Io(error) => error.to_string(),
            other => other.to_string(),
        };
        Self::unavailable(text)
    }
}
