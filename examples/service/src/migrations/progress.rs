//! How far the migrations have come, for the error of those that do not get further.

use std::cell::{Cell, RefCell};
use std::fmt;

/// What happens at the moment.
#[derive(Clone, Copy)]
pub(super) enum Stage {
    Connecting,
    /// Another process may have the lock.
    Locking,
    /// Asking which migrations are applied.
    Reading,
    /// The migration of this version runs.
    Applying(i64),
    /// Somebody else has to apply what is missing.
    Waiting,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => f.write_str("cannot reach the database"),
            Self::Locking => {
                f.write_str("waiting for the lock of the migrations, which another process holds")
            }
            Self::Reading => f.write_str("the database does not say which migrations it has"),
            Self::Applying(version) => write!(f, "migration {version} has not ended"),
            Self::Waiting => f.write_str("migrations are not applied yet"),
        }
    }
}

pub(super) struct Progress {
    stage: Cell<Stage>,
    /// `Some` from an attempt that failed until the next one that connects.
    fault: RefCell<Option<String>>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            stage: Cell::new(Stage::Connecting),
            fault: RefCell::new(None),
        }
    }

    pub(super) fn enter(&self, stage: Stage) {
        self.stage.set(stage);
        if !matches!(stage, Stage::Connecting) {
            self.fault.take();
        }
    }

    /// Returns whether this is news.
    pub(super) fn fail(&self, text: String) -> bool {
        self.stage.set(Stage::Connecting);
        let before = self.fault.replace(Some(text));
        before != *self.fault.borrow()
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stage.get())?;
        match &*self.fault.borrow() {
            Some(fault) => write!(f, ": {fault}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_named_until_the_database_is_reached_again() {
        let progress = Progress::new();
        assert_eq!(progress.to_string(), "cannot reach the database");
        assert!(progress.fail("connection refused".to_owned()));
        progress.enter(Stage::Connecting);
        assert!(!progress.fail("connection refused".to_owned()));
        let text = "cannot reach the database: connection refused";
        assert_eq!(progress.to_string(), text);
        progress.enter(Stage::Applying(7));
        assert_eq!(progress.to_string(), "migration 7 has not ended");
        assert!(progress.fail("connection refused".to_owned()));
    }
}
