//! Probes over HTTP.

use super::{Subject, kind, port};
use crate::files::kubernetes::{Action, Which};
use crate::lint::command::known_paths;
use crate::lint::finding::Findings;
use crate::lint::kubernetes::host_header;
use crate::settings::Settings;

pub(super) fn lint(subject: &Subject<'_>, settings: &Settings, found: &mut Findings) {
    let name = &subject.name;
    let Action::Http {
        path,
        port,
        host,
        tls,
        headers,
    } = &subject.probe.action
    else {
        return;
    };
    let path_line = subject.line(&["httpGet", "path"]);
    let port_line = subject.line(&["httpGet", "port"]);
    port::lint(subject, port, port_line, settings, found);
    let is_management = subject
        .container
        .resolve(port)
        .is_some_and(|port| settings.management() == Some(port));
    match settings.probe_at(path) {
        Some(asked) => kind::lint(subject, asked, path_line, kind::path(settings), found),
        None if is_management && settings.is_single_check(path) => {}
        None => found.error(
            path_line,
            "path-not-answered",
            format!(
                "{name} asks `{path}`, which no probe answers{}",
                known_paths(settings)
            ),
        ),
    }
    if is_management && subject.which == Which::Liveness {
        found.error(
            port_line,
            "liveness-on-management-port",
            format!(
                "{name} asks the management port, which has a thread of its own: it passes while every \
                 worker of the service is blocked"
            ),
        );
    }
    if let Some(host) = host {
        found.error(
            subject.line(&["httpGet", "host"]),
            "probe-of-another-host",
            format!("{name} has host `{host}`: the kubelet asks that from the node, not the pod"),
        );
    }
    if *tls && !settings.tls {
        found.error(
            subject.line(&["httpGet", "scheme"]),
            "probe-over-tls",
            format!("{name} speaks TLS, and the service does not: every probe fails"),
        );
    }
    if let Some((_, host)) = headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case("host"))
    {
        let at = subject.line(&["httpGet", "httpHeaders"]);
        host_header(host, at, name, settings, found);
    }
}
