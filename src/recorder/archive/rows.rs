//! What queries return.

use std::time::SystemTime;

use crate::recorder::Resolution;
use crate::{RunBucket, Subject, Transition};

/// The runs of a check within a minute, an hour or a day, as they were recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRuns {
    pub(super) service: String,
    pub(super) check: Subject,
    pub(super) resolution: Resolution,
    pub(super) bucket: RunBucket,
}

impl RecordedRuns {
    /// Returns the name of the service.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Returns the check.
    pub fn check(&self) -> &Subject {
        &self.check
    }

    /// Returns the length of the span: that of the query, or a longer one where finer rows are gone.
    pub fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// Returns the sums over all runs that ended within the span, of every selected instance.
    pub fn bucket(&self) -> &RunBucket {
        &self.bucket
    }

    /// Returns when the span ends.
    pub fn end(&self) -> SystemTime {
        let start = self.bucket.start();
        let end = start.checked_add(self.resolution.span());
        end.unwrap_or(start)
    }
}

/// A transition, as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedTransition {
    pub(super) service: String,
    pub(super) instance: String,
    pub(super) transition: Transition,
}

impl RecordedTransition {
    /// Returns the name of the service.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Returns the instance that it happened to.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Returns the transition; its time is to the microsecond, and its output cut to 1 KiB.
    pub fn transition(&self) -> &Transition {
        &self.transition
    }
}
