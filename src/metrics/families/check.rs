//! The series of each check.

use std::fmt;

use super::{Label, STATUSES, Value, Writer, flag};
use crate::metrics::view::View;
use crate::{CheckState, Criticality, Probe, RunOutcome, Status};

/// Writes one series for each check, unless the check has no such value.
pub(super) fn each(
    view: &View,
    write: &mut Writer<'_>,
    value: fn(&CheckState) -> Option<Value<'_>>,
) -> fmt::Result {
    for (probe, check) in view.checks() {
        if let Some(value) = value(check) {
            write(&labels(probe, check), value)?;
        }
    }
    Ok(())
}

fn labels(probe: Probe, check: &CheckState) -> [Label<'_>; 2] {
    [("check", check.name()), ("probe", probe.as_str())]
}

/// Returns whether nothing is known of the check yet, which then counts as failed.
pub(in crate::metrics) fn is_unknown(check: &CheckState) -> bool {
    check.time().is_none() && check.status() != Status::Pass
}

pub(super) fn state(view: &View, write: &mut Writer<'_>) -> fmt::Result {
    for (probe, check) in view.checks() {
        let [name, probe] = labels(probe, check);
        let is_unknown = is_unknown(check);
        for status in STATUSES {
            let is_state = check.status() == status && !is_unknown;
            write(&[name, probe, ("state", status.as_str())], flag(is_state))?;
        }
        write(&[name, probe, ("state", "unknown")], flag(is_unknown))?;
    }
    Ok(())
}

pub(super) fn info(view: &View, write: &mut Writer<'_>) -> fmt::Result {
    for (probe, check) in view.checks() {
        let [name, probe] = labels(probe, check);
        let critical = match check.criticality() {
            Criticality::Critical => "true",
            Criticality::NonCritical => "false",
        };
        let component_type = check.component_type().map_or("", |kind| kind.as_str());
        let about = [("critical", critical), ("component_type", component_type)];
        write(&[name, probe, about[0], about[1]], Value::Whole(1))?;
    }
    Ok(())
}

pub(super) fn runs(view: &View, write: &mut Writer<'_>) -> fmt::Result {
    for (probe, check) in view.checks() {
        let [name, probe] = labels(probe, check);
        for outcome in RunOutcome::ALL.iter().copied() {
            let runs = Value::Whole(check.stats().runs(outcome));
            write(&[name, probe, ("outcome", outcome.as_str())], runs)?;
        }
    }
    Ok(())
}

pub(super) fn durations(view: &View, write: &mut Writer<'_>) -> fmt::Result {
    for (probe, check) in view.checks() {
        let durations = Value::Durations(check.stats().durations());
        write(&labels(probe, check), durations)?;
    }
    Ok(())
}

pub(super) fn transitions(view: &View, write: &mut Writer<'_>) -> fmt::Result {
    for (probe, check) in view.checks() {
        let [name, probe] = labels(probe, check);
        for to in STATUSES {
            let transitions = Value::Whole(check.stats().transitions(to));
            write(&[name, probe, ("to", to.as_str())], transitions)?;
        }
    }
    Ok(())
}
