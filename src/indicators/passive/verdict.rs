//! What the counts of a window say about the dependency.

use std::time::Duration;

use super::call::LastError;
use super::window::Totals;
use crate::indicators::shared::findings::{Findings, rounded};
use crate::indicators::shared::limits::{Beyond, Limits};
use crate::{CheckResult, ObservedValue};

/// What is judged, and by which settings.
pub(super) struct Seen<'a> {
    pub(super) totals: Totals,
    /// The latest of them, as many as a verdict takes.
    pub(super) latest: Totals,
    pub(super) window: Duration,
    pub(super) last_error: Option<LastError>,
    pub(super) min_requests: u64,
    pub(super) limits: &'a Limits,
}

impl Seen<'_> {
    /// Returns whether there are too few requests for a verdict.
    pub(super) fn is_idle(&self) -> bool {
        self.totals.requests() < self.min_requests
    }

    pub(super) fn verdict(&self) -> CheckResult {
        let mut findings = Findings::default();
        for (measurement, value, unit) in self.readings() {
            findings.reading(measurement, value, unit);
        }
        let totals = &self.totals;
        let beyond = self.limits.compare(self.share(totals.failed()));
        if self.is_idle() {
            let of_most = beyond.and_then(|beyond| match beyond {
                Beyond::Fail(limit) => Some(Beyond::Warn(limit)),
                Beyond::Warn(_) => None,
            });
            findings.limit(of_most, |_| {
                let (failures, details) = (self.failures(), self.details());
                let needed = self.min_requests;
                format!("{failures}, of {needed} that it takes to fail the check{details}")
            });
            return findings.result();
        }
        let fails_by_share = matches!(beyond, Some(Beyond::Fail(_)));
        if self.latest.answered() == 0 && !fails_by_share {
            findings.limit(self.limits.compare(100.0), |_| {
                let latest = self.latest.requests();
                let (failures, details) = (self.failures(), self.details());
                format!("all of the latest {latest} requests failed; {failures}{details}")
            });
        } else {
            findings.limit(beyond, |limit| {
                format!("{}, more than {limit} %{}", self.failures(), self.details())
            });
        }
        let mut slow_limits = *self.limits;
        slow_limits.fail = None;
        findings.limit(slow_limits.compare(self.share(totals.slow)), |limit| {
            let (slow, requests) = (totals.slow, totals.requests());
            let window = self.window;
            format!(
                "{slow} of {requests} requests were slow within {window:?}, more than {limit} %"
            )
        });
        findings.result()
    }

    fn readings(&self) -> Vec<(&'static str, ObservedValue, &'static str)> {
        let totals = &self.totals;
        let mut readings = vec![("requests", totals.requests().into(), "requests")];
        if totals.requests() > 0 {
            for (measurement, count) in
                [("failureRate", totals.failed()), ("slowRate", totals.slow)]
            {
                let share = rounded(self.share(count));
                readings.push((measurement, share.into(), "percent"));
            }
        }
        for (measurement, percent) in [("p50", 50), ("p95", 95)] {
            let millis = totals.percentile(percent);
            readings.extend(millis.map(|millis| (measurement, millis.into(), "ms")));
        }
        readings
    }

    fn share(&self, requests: u64) -> f64 {
        match self.totals.requests() {
            0 => 0.0,
            all => requests as f64 / all as f64 * 100.0,
        }
    }

    fn failures(&self) -> String {
        let (failed, requests) = (self.totals.failed(), self.totals.requests());
        format!(
            "{failed} of {requests} requests failed within {:?}",
            self.window
        )
    }

    /// Says in which ways they failed.
    fn details(&self) -> String {
        let (errors, unanswered) = (self.totals.errors, self.totals.without_answer());
        let last = match self.last_error {
            Some(error) if errors > 0 => format!(", the last one with {error}"),
            _ => String::new(),
        };
        format!(": {unanswered} without an answer, {errors} with an error{last}")
    }
}
