//! Which probe of the service a probe of Kubernetes may ask.

use super::Subject;
use crate::files::kubernetes::Which;
use crate::lint::finding::Findings;
use crate::settings::{ProbeKind, Settings};

/// The path of each probe of the service.
pub(super) fn path(settings: &Settings) -> impl Fn(ProbeKind) -> String {
    |kind| {
        let paths = match kind {
            ProbeKind::Liveness => &settings.liveness,
            ProbeKind::Readiness => &settings.readiness,
            ProbeKind::Startup => &settings.startup_paths,
        };
        paths.first().cloned().unwrap_or_default()
    }
}

/// `right` is what to ask instead.
pub(super) fn lint(
    subject: &Subject<'_>,
    asked: ProbeKind,
    line: usize,
    right: impl Fn(ProbeKind) -> String,
    found: &mut Findings,
) {
    let name = &subject.name;
    match (subject.which, asked) {
        (Which::Liveness, ProbeKind::Readiness) => found.error(
            line,
            "liveness-asks-readiness",
            format!(
                "{name} asks for readiness: a database that is down restarts every pod. Ask {}",
                right(ProbeKind::Liveness)
            ),
        ),
        (Which::Liveness, ProbeKind::Startup) => found.error(
            line,
            "liveness-asks-startup",
            format!("{name} asks for startup, which passes for ever: a hang is not found"),
        ),
        (Which::Readiness, ProbeKind::Liveness | ProbeKind::Startup) => found.error(
            line,
            "readiness-asks-liveness",
            format!(
                "{name} asks what passes during a drain and without a database: requests go on \
                 arriving. Ask {}",
                right(ProbeKind::Readiness)
            ),
        ),
        (Which::Startup, ProbeKind::Readiness) => found.error(
            line,
            "startup-asks-readiness",
            format!(
                "{name} asks for readiness: pods that start while the database is down are killed, \
                 and start over. Ask {}",
                right(ProbeKind::Startup)
            ),
        ),
        (Which::Startup, ProbeKind::Liveness) => found.warning(
            line,
            "startup-asks-liveness",
            format!(
                "{name} asks for liveness, which passes at once: nothing waits for the gates. Ask {}",
                right(ProbeKind::Startup)
            ),
        ),
        _ => {}
    }
}
