//! Times and thresholds of a probe.

use std::time::Duration;

use super::Subject;
use crate::files::kubernetes::{Container, Probe, Which};
use crate::lint::finding::Findings;
use crate::settings::Settings;
use crate::units::show;

pub(super) fn lint(subject: &Subject<'_>, found: &mut Findings) {
    lint_rejected(subject, found);
    let Subject {
        which, probe, name, ..
    } = subject;
    if probe.timeout <= Duration::from_secs(1) {
        let is_default = probe.node.get("timeoutSeconds").is_none();
        let default = if is_default { ", the default" } else { "" };
        found.error(
            subject.line(&["timeoutSeconds"]),
            "timeout-too-short",
            format!(
                "{name} has a timeout of 1 s{default}: a node under load takes as long to connect, and \
                 every pod of it fails at once"
            ),
        );
    }
    // A startup probe may be asked often, and be patient each time.
    if probe.timeout > probe.period && *which != Which::Startup {
        found.warning(
            subject.line(&["timeoutSeconds"]),
            "timeout-exceeds-period",
            format!(
                "{name} has a timeout of {} and a period of {}: a hung process is found after {}, not \
                 after {}",
                show(probe.timeout),
                show(probe.period),
                show(probe.timeout * probe.failures),
                show(probe.period * probe.failures),
            ),
        );
    }
    if *which == Which::Liveness {
        let at = subject.line(&["failureThreshold"]);
        if probe.failures == 1 {
            found.error(
                at,
                "one-failure-is-enough",
                format!("{name} has failureThreshold 1: one lost packet restarts the container"),
            );
        } else if probe.period * probe.failures < Duration::from_secs(10) {
            found.warning(
                at,
                "liveness-too-eager",
                format!(
                    "{name} restarts the container after {} ({} × {}): a pause of the node is longer",
                    show(probe.period * probe.failures),
                    probe.failures,
                    show(probe.period),
                ),
            );
        }
    }
}

/// What the API server does not accept.
pub(super) fn lint_rejected(subject: &Subject<'_>, found: &mut Findings) {
    let Subject {
        which, probe, name, ..
    } = subject;

    if *which != Which::Readiness && probe.successes > 1 {
        found.error(
            subject.line(&["successThreshold"]),
            "rejected-by-kubernetes",
            format!(
                "{name} has successThreshold {}: only a readinessProbe may",
                probe.successes
            ),
        );
    }
    if *which == Which::Readiness && probe.grace.is_some() {
        found.error(
            subject.line(&["terminationGracePeriodSeconds"]),
            "rejected-by-kubernetes",
            format!("{name} has terminationGracePeriodSeconds, but it never ends a container"),
        );
    }
}

/// How often readiness is asked, beside how often it is renewed.
pub(super) fn lint_pace(
    readiness: &Probe,
    container: &Container,
    settings: &Settings,
    found: &mut Findings,
) {
    let ttl = settings.renewal();
    let at = readiness.node.line_at(&["periodSeconds"]);
    let seen = readiness.period * readiness.failures;
    if readiness.period > ttl {
        let default = if readiness.node.get("periodSeconds").is_none() {
            ", the default"
        } else {
            ""
        };
        found.warning(
            at,
            "readiness-slower-than-ttl",
            format!(
                "readinessProbe of `{}` asks every {}{default}, but checks renew their results every {}: \
                 requests fail for up to {} before the pod is taken out",
                container.name,
                show(readiness.period),
                show(ttl),
                show(seen),
            ),
        );
    }
    if readiness.failures > 1 && seen <= ttl {
        found.warning(
            readiness.node.line_at(&["failureThreshold"]),
            "same-result-counted-twice",
            format!(
                "readinessProbe of `{}` asks {} times within {}, but checks run every {}: all of them \
                 see one result, so the threshold filters nothing",
                container.name,
                readiness.failures,
                show(seen),
                show(ttl),
            ),
        );
    }
}
