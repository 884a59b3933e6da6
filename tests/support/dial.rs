//! A check whose result the test sets, as one turns a dial.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tower_health::{Check, CheckResult, Observation, Status, indicator_fn};

/// A check that returns the result which the test set last, and counts its runs.
#[derive(Clone)]
pub(crate) struct Dial(Arc<(Mutex<CheckResult>, AtomicUsize)>);

impl Dial {
    pub(crate) fn at(position: impl Position) -> Self {
        Self(Arc::new((
            Mutex::new(position.result()),
            AtomicUsize::new(0),
        )))
    }

    pub(crate) fn pass() -> Self {
        Self::at(Status::Pass)
    }

    pub(crate) fn turn(&self, position: impl Position) {
        *self.0.0.lock().unwrap() = position.result();
    }

    pub(crate) fn runs(&self) -> usize {
        self.0.1.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self, name: &str) -> Check {
        let dial = self.clone();
        Check::new(indicator_fn(name, move || {
            dial.0.1.fetch_add(1, Ordering::Relaxed);
            let result = dial.0.0.lock().unwrap().clone();
            async { result }
        }))
    }
}

/// What a dial can be set to: a result, or a status with the text that stands for it.
pub(crate) trait Position {
    fn result(self) -> CheckResult;
}

impl Position for CheckResult {
    fn result(self) -> CheckResult {
        self
    }
}

impl Position for Status {
    fn result(self) -> CheckResult {
        match self {
            Status::Pass => Ok(Observation::pass()),
            Status::Warn => Ok(Observation::warn("slow")),
            Status::Fail => Err("refused".into()),
        }
    }
}
