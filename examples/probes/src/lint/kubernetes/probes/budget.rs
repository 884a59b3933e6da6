//! How long a start may take.

use std::time::Duration;

use crate::files::kubernetes::{Container, Probe};
use crate::lint::finding::Findings;
use crate::units::show;

/// From the first probe that counts to the failure that is one too many.
pub(super) fn patience(probe: &Probe) -> Duration {
    probe.delay + probe.period * probe.failures.saturating_sub(1)
}

pub(super) fn lint(startup: &Probe, gate: Duration, container: &Container, found: &mut Findings) {
    let budget = patience(startup);
    if budget < gate {
        found.error(
            startup.node.line_at(&["failureThreshold"]),
            "startup-budget-too-short",
            format!(
                "startupProbe of `{}` gives up after {} ({} delay + {} × {}), but startup may take {}: \
                 the pod is killed while it migrates, and starts over",
                container.name,
                show(budget),
                show(startup.delay),
                startup.failures.saturating_sub(1),
                show(startup.period),
                show(gate),
            ),
        );
    }
}
