//! Checks in the names of Kubernetes' own components, for dashboards and alerts that know these.
//!
//! The shape is that of `k8s.io/component-base/metrics/prometheus/slis`: a gauge of the last result,
//! and a counter of all results by `success` and `error`.

use std::fmt;

use super::families::{Family, Kind, Value, Writer, is_unknown};
use super::view::View;
use crate::{CheckState, Probe, RunOutcome};

pub(super) const SLIS: &[Family] = &[
    Family::new(
        "kubernetes_healthcheck",
        Kind::Gauge,
        "Whether the last result of a check passed: 1 if so, else 0.",
        last_result,
    ),
    Family::new(
        "kubernetes_healthchecks_total",
        Kind::Counter,
        "Runs of a check that counted, by whether they passed.",
        all_results,
    ),
];

fn kind(probe: Probe) -> &'static str {
    match probe {
        Probe::Startup => "startupz",
        _ => "readyz",
    }
}

/// A check that has not run has no result.
fn last_result(view: &View, write: &mut Writer<'_>) -> fmt::Result {
    for (probe, check) in view.checks().filter(|(_, check)| !is_unknown(check)) {
        // A check that only warns has no cause; one that is not critical and failed has one.
        let has_passed = check.cause().is_none() && check.status().is_healthy();
        let labels = [("name", check.name()), ("type", kind(probe))];
        write(&labels, Value::Whole(has_passed.into()))?;
    }
    Ok(())
}

fn all_results(view: &View, write: &mut Writer<'_>) -> fmt::Result {
    use RunOutcome::{Fail, Panic, Pass, Timeout, Warn};
    for (probe, check) in view.checks() {
        for (status, outcomes) in [
            ("error", &[Fail, Timeout, Panic][..]),
            ("success", &[Pass, Warn]),
        ] {
            let labels = [
                ("name", check.name()),
                ("status", status),
                ("type", kind(probe)),
            ];
            write(&labels, Value::Whole(runs(check, outcomes)))?;
        }
    }
    Ok(())
}

fn runs(check: &CheckState, outcomes: &[RunOutcome]) -> u64 {
    let runs = outcomes.iter().map(|outcome| check.stats().runs(*outcome));
    runs.sum()
}
