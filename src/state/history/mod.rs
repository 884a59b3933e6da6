//! What happened lately, for the application: transitions, and the runs of each check.
//!
//! The refresher writes it and the application reads it. No probe touches it.

mod reader;
mod runs;
mod transitions;

pub use self::reader::HistoryReader;
pub use self::runs::RunHistory;
use self::runs::Runs;
use self::transitions::Transitions;
use crate::model::{Limits, RunSample, Subject, Transition};

#[derive(Debug)]
pub(crate) struct History {
    transitions: Transitions,
    runs: Runs,
}

impl History {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            transitions: Transitions::new(limits),
            runs: Runs::new(limits),
        }
    }

    pub(crate) fn add_transition(&self, transition: Transition) {
        self.transitions.add(transition);
    }

    pub(crate) fn add_run(&self, subject: &Subject, registration: u64, run: RunSample) {
        self.runs.add(subject, registration, run);
    }

    /// Forgets a check that was removed.
    pub(crate) fn forget(&self, subject: &Subject) {
        self.transitions.forget(subject);
        self.runs.forget(subject);
    }

    /// Returns the transitions, oldest first.
    pub(crate) fn transitions(&self) -> Vec<Transition> {
        self.transitions.all()
    }

    /// Returns the transitions from a number on, oldest first.
    pub(crate) fn transitions_from(&self, number: u64) -> Vec<(u64, Transition)> {
        self.transitions.since(number)
    }

    /// Returns every check that has run.
    pub(crate) fn checks(&self) -> Vec<Subject> {
        self.runs.subjects()
    }

    /// Returns the runs of a check; `None` if it has not run.
    pub(crate) fn runs(&self, subject: &Subject) -> Option<RunHistory> {
        self.runs.of(subject)
    }
}
