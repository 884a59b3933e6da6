//! Probes over gRPC.

use super::{Subject, kind, port};
use crate::files::kubernetes::Port;
use crate::lint::finding::Findings;
use crate::settings::{ProbeKind, Settings};

pub(super) fn lint(
    subject: &Subject<'_>,
    port: &Port,
    service: &str,
    settings: &Settings,
    found: &mut Findings,
) {
    let name = &subject.name;
    let line = subject.line(&["grpc", "port"]);
    if matches!(port, Port::Name(_)) {
        found.error(
            line,
            "grpc-port-by-name",
            format!("{name} names the port `{port}`: a gRPC probe needs its number"),
        );
    } else {
        port::lint(subject, port, line, settings, found);
    }
    let line = subject.line(&["grpc", "service"]);
    match asked(service, settings) {
        Some(asked) => kind::lint(subject, asked, line, service_of, found),
        None => found.error(
            line,
            "service-not-answered",
            format!(
                "{name} asks for the service `{service}`, which is unknown, and an unknown one fails for \
                 ever. Ask for `liveness`, `readiness`, `startup` or none"
            ),
        ),
    }
}

/// Names match exactly; what the service adds to those of the probes stands for its readiness.
fn asked(service: &str, settings: &Settings) -> Option<ProbeKind> {
    match service {
        "liveness" => Some(ProbeKind::Liveness),
        "startup" => Some(ProbeKind::Startup),
        "" | "readiness" => Some(ProbeKind::Readiness),
        _ => {
            let mut known = settings.grpc_services.iter();
            known
                .any(|known| known == service)
                .then_some(ProbeKind::Readiness)
        }
    }
}

fn service_of(kind: ProbeKind) -> String {
    let service = match kind {
        ProbeKind::Liveness => "liveness",
        ProbeKind::Readiness => "readiness",
        ProbeKind::Startup => "startup",
    };
    format!("for `{service}`")
}
