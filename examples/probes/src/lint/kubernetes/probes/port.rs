//! The port that a probe asks.

use super::Subject;
use crate::files::kubernetes::Port;
use crate::lint::command::open_ports;
use crate::lint::finding::Findings;
use crate::settings::Settings;

/// Whether something listens there.
pub(super) fn lint(
    subject: &Subject<'_>,
    port: &Port,
    line: usize,
    settings: &Settings,
    found: &mut Findings,
) {
    let (name, container) = (&subject.name, subject.container);
    match container.resolve(port) {
        None => found.error(
            line,
            "port-not-open",
            format!(
                "{name} asks port `{port}`, and no port of `{}` has this name",
                container.name
            ),
        ),
        Some(number) if !settings.opens(number) => found.error(
            line,
            "port-not-open",
            format!(
                "{name} asks port {number}, which the service does not open{}",
                open_ports(settings)
            ),
        ),
        Some(_) => {}
    }
}
