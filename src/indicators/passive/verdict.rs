//! What the counts of a window say about the dependency.

use std::time::Duration;

use super::call::LastError;
use super::totals::Totals;
use crate::indicators::shared::findings::{Findings, rounded};
use crate::indicators::shared::limits::{Beyond, Limits};
use crate::{CheckResult, ObservedValue};

/// What is judged, and by which settings.
pub(super) struct Seen<'a> {
    pub(super) totals: Totals,
    pub(super) window: Duration,
    /// For how long requests have waited that are stuck, at least.
    pub(super) stuck_after: Duration,
    /// For how long nothing must have failed before failures are no longer believed, at least.
    pub(super) quiet_after: Duration,
    pub(super) last_error: Option<LastError>,
    pub(super) min_requests: u64,
    pub(super) limits: &'a Limits,
}

impl Seen<'_> {
    /// Forgets the streak once nothing has failed for as long as it went on: whoever is out of
    /// traffic would hear of no answer that ends it.
    pub(super) fn without_old_streak(mut self) -> Self {
        let totals = &mut self.totals;
        if totals.silence >= self.quiet_after.max(totals.streak_lasts) {
            totals.streak = 0;
        }
        self
    }

    /// Returns whether there are too few requests for a verdict.
    pub(super) fn is_idle(&self) -> bool {
        self.totals.requests() < self.min_requests
    }

    /// Returns whether requests went without an answer for a reason that they do not tell: the
    /// dependency, or those who dropped them.
    pub(super) fn is_in_doubt(&self) -> bool {
        let mut findings = Findings::default();
        self.doubts(&mut findings);
        !findings.is_empty()
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
            self.doubts(&mut findings);
            return findings.result();
        }
        let fails_by_share = matches!(beyond, Some(Beyond::Fail(_)));
        let latest = totals.streak;
        if latest >= self.min_requests && !fails_by_share {
            findings.limit(self.limits.compare(100.0), |_| {
                let (failures, details) = (self.failures(), self.details());
                format!("all of the latest {latest} requests failed; {failures}{details}")
            });
        } else {
            findings.limit(beyond, |limit| {
                format!("{}, more than {limit} %{}", self.failures(), self.details())
            });
        }
        findings.limit(self.at_most_warns(totals.slow, 0), |limit| {
            let (slow, requests) = (totals.slow, totals.requests());
            let window = self.window;
            format!(
                "{slow} of {requests} requests were slow within {window:?}, more than {limit} %"
            )
        });
        self.doubts(&mut findings);
        findings.result()
    }

    /// Requests that count neither as answered nor as failed.
    fn doubts(&self, findings: &mut Findings) {
        let totals = &self.totals;
        let given_up = totals.given_up();
        let all = totals.requests() + given_up;
        if all >= self.min_requests {
            findings.limit(self.at_most_warns(given_up, given_up), |limit| {
                let window = self.window;
                format!(
                    "{given_up} of {all} requests were given up without an answer within \
                     {window:?}, more than {limit} %: if a timeout ends them, set slow_above below it"
                )
            });
        }
        let stuck = totals.stuck;
        findings.limit(self.at_most_warns(stuck, stuck), |_| {
            let after = self.stuck_after;
            format!("{stuck} requests have waited for an answer for {after:?} or longer")
        });
    }

    /// Compares a part of the requests, to which `more` are added that are not among them.
    fn at_most_warns(&self, part: u64, more: u64) -> Option<Beyond> {
        let mut limits = *self.limits;
        limits.fail = None;
        limits.compare(share(part, self.totals.requests() + more))
    }

    fn readings(&self) -> Vec<(&'static str, ObservedValue, &'static str)> {
        let totals = &self.totals;
        let mut readings = vec![
            ("requests", totals.requests().into(), "requests"),
            ("inFlight", totals.in_flight().into(), "requests"),
            ("givenUp", totals.given_up().into(), "requests"),
        ];
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
        share(requests, self.totals.requests())
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

/// In percent.
fn share(part: u64, all: u64) -> f64 {
    match all {
        0 => 0.0,
        _ => part as f64 / all as f64 * 100.0,
    }
}
