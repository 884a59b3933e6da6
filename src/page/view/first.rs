//! When a check began to fail in the present outage, be it that it passes again.

use super::changes::{Changes, Since};
use super::row::subject;
use crate::{CheckState, Probe, Status};

/// The first step of a check in the present spell of a readiness that fails.
#[derive(Clone, Debug)]
pub(crate) struct First {
    pub(crate) since: Since,
    /// Not [`Status::Pass`].
    pub(crate) status: Status,
    pub(crate) output: Option<String>,
    /// Whether readiness has failed only since this step, or since a later one.
    pub(crate) is_before_outage: bool,
}

impl First {
    /// `outage` is the place from which on readiness has failed. A step lies in the outage if the check
    /// did not pass when it began, or failed later.
    pub(super) fn new(
        probe: Probe,
        check: &CheckState,
        changes: &Changes<'_>,
        outage: usize,
    ) -> Option<Self> {
        let subject = subject(probe, check);
        let first = |status| {
            let (since, output) = changes.first(&subject, status, outage)?;
            Some(Self {
                since,
                status,
                output: output.map(str::to_owned),
                is_before_outage: since.place <= outage,
            })
        };
        let warned = || first(Status::Warn).filter(|_| check.status() == Status::Warn);
        first(Status::Fail).or_else(warned)
    }
}
