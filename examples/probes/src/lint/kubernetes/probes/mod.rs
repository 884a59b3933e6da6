//! Rules for the probes of one container.

mod budget;
mod grpc;
mod http;
mod kind;
mod missing;
mod port;
mod times;

use crate::files::healthcheck::Test;
use crate::files::kubernetes::{Action, Container, Probe, Which};
use crate::lint::command;
use crate::lint::finding::Findings;
use crate::lint::image::Programs;
use crate::settings::Settings;

pub(super) use missing::lint as lint_missing;

/// A probe, and what it is a probe of.
struct Subject<'a> {
    which: Which,
    probe: &'a Probe,
    /// As findings name it.
    name: String,
    container: &'a Container,
}

impl<'a> Subject<'a> {
    fn all(container: &'a Container) -> impl Iterator<Item = Self> {
        container.probes().map(move |(which, probe)| Self {
            which,
            probe,
            name: format!("{} of `{}`", which.key(), container.name),
            container,
        })
    }

    /// The line of the deepest of these keys that is there.
    fn line(&self, path: &[&str]) -> usize {
        self.probe.node.line_at(path)
    }
}

pub(super) fn lint(
    container: &Container,
    settings: &Settings,
    programs: &Programs,
    found: &mut Findings,
) {
    for subject in Subject::all(container) {
        times::lint(&subject, found);
        let name = &subject.name;
        match &subject.probe.action {
            Action::Http { .. } => http::lint(&subject, settings, found),
            Action::Grpc { port, service } => grpc::lint(&subject, port, service, settings, found),
            Action::Tcp { port } => {
                let line = subject.line(&["tcpSocket", "port"]);
                port::lint(&subject, port, line, settings, found);
                found.error(
                    line,
                    "tcp-probe",
                    format!("{name} only connects: the kernel accepts for a process that hangs or drains"),
                );
            }
            Action::Exec { command } => {
                let line = subject.line(&["exec", "command"]);
                let test = Test::Exec(command.clone());
                command::lint(&test, line, name, programs, settings, found);
                if let Some(asked) = command::kind(&test, settings) {
                    kind::lint(&subject, asked, line, kind::path(settings), found);
                }
            }
            Action::None => found.error(
                subject.probe.line,
                "no-action",
                format!("{name} has none of httpGet, grpc, tcpSocket and exec"),
            ),
        }
    }
    if let Some(startup) = &container.startup
        && let Some(gate) = settings.startup()
    {
        budget::lint(startup, gate, container, found);
    }
    if let Some(readiness) = &container.readiness {
        times::lint_pace(readiness, container, settings, found);
    }
}

/// What holds for every container, whatever it runs.
pub(super) fn lint_foreign(container: &Container, found: &mut Findings) {
    for subject in Subject::all(container) {
        times::lint_rejected(&subject, found);
    }
}
