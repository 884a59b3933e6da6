//! Probes that a container does not have.

use super::budget::patience;
use crate::files::kubernetes::Container;
use crate::lint::finding::Findings;
use crate::settings::Settings;
use crate::units::show;

pub(in crate::lint::kubernetes) fn lint(
    container: &Container,
    has_service: bool,
    settings: &Settings,
    found: &mut Findings,
) {
    let name = &container.name;
    if container.readiness.is_none() && (has_service || !container.ports.is_empty()) {
        found.error(
            container.line,
            "no-readiness",
            format!(
                "`{name}` has no readinessProbe: requests arrive before it is ready, and while it \
                 cannot serve"
            ),
        );
    }
    if container.liveness.is_none() {
        found.warning(
            container.line,
            "no-liveness",
            format!("`{name}` has no livenessProbe: a process that hangs is never restarted"),
        );
    }
    if let (Some(liveness), None) = (&container.liveness, &container.startup) {
        let budget = patience(liveness);
        let gate = settings.startup().map_or_else(String::new, |gate| {
            format!(", and startup may take {}", show(gate))
        });
        found.warning(
            liveness.line,
            "liveness-without-startup",
            format!(
                "`{name}` has a livenessProbe and no startupProbe: a start that does not answer within \
                 {} is killed{gate}",
                show(budget),
            ),
        );
    }
}
