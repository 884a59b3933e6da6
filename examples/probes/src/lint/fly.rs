//! Rules for `fly.toml`.

use std::time::Duration;

use super::command::{known_paths, open_ports};
use super::docker::stop_signal;
use super::finding::Findings;
use super::grace::{self, Grace};
use crate::files::fly::{Check, Fly, Service};
use crate::settings::{ProbeKind, Settings};
use crate::units::{self, show};

pub(crate) fn lint(fly: &Fly, settings: &Settings, found: &mut Findings) {
    let settings = &settings.overridden(&fly.env);
    let has_checks = fly
        .services
        .iter()
        .any(|service| !service.checks.is_empty());
    for (name, check) in &fly.top_level {
        if !has_checks {
            found.error(
                check.line,
                "top-level-check-alone",
                format!(
                    "`checks.{name}` neither routes nor restarts: only `[[http_service.checks]]` takes \
                     a machine out of rotation"
                ),
            );
        }
        lint_check(check, &format!("checks.{name}"), settings, found);
    }
    for service in &fly.services {
        lint_service(service, fly.top_level.is_empty(), settings, found);
    }
    let default = match fly.root.get("kill_timeout") {
        Some(_) => "",
        None => ", the default",
    };
    let grace = Grace {
        given_by: &format!("kill_timeout is {}{default}", show(fly.kill_timeout)),
        given: fly.kill_timeout,
        who: "the service",
        hook: Duration::ZERO,
    };
    grace::lint(&grace, fly.root.line_at(&["kill_timeout"]), settings, found);
    if fly.kill_timeout > Duration::from_secs(300) {
        found.warning(
            fly.root.line_at(&["kill_timeout"]),
            "grace-too-long",
            format!(
                "kill_timeout is {}, and Fly waits 300 s at most",
                show(fly.kill_timeout)
            ),
        );
    }
    if let Some(signal) = fly.root.get("kill_signal") {
        stop_signal(&fly.kill_signal, signal.line, "kill_signal", found);
    }
    let wait = fly.root.at(&["deploy", "wait_timeout"]);
    if let (Some(gate), Some(node)) = (settings.startup(), wait)
        && let Some(wait) = units::of_node(node, Duration::from_secs(1))
        && wait < gate
    {
        found.error(
            node.line,
            "startup-budget-too-short",
            format!(
                "the deployment fails after {}, but startup may take {}",
                show(wait),
                show(gate)
            ),
        );
    }
}

fn lint_service(service: &Service, is_alone: bool, settings: &Settings, found: &mut Findings) {
    let name = if service.is_http {
        "http_service"
    } else {
        "services"
    };
    let port_line = service
        .node
        .get("internal_port")
        .map_or(service.line, |node| node.line);
    if let Some(port) = service.port {
        if Some(port) == settings.management() {
            found.error(
                port_line,
                "management-port-published",
                format!("`{name}` publishes the management port {port} to the internet"),
            );
        } else if !settings.opens(port) {
            found.error(
                port_line,
                "port-not-open",
                format!(
                    "`{name}` sends requests to port {port}, which the service does not open{}",
                    open_ports(settings)
                ),
            );
        }
    }
    let wrong = if service.is_http {
        "http_checks"
    } else {
        "checks"
    };
    if let Some(node) = service.node.get(wrong) {
        let right = if service.is_http {
            "checks"
        } else {
            "http_checks"
        };
        found.error(
            node.line,
            "unknown-check-key",
            format!("`{name}.{wrong}` is not read: it is called `{name}.{right}`"),
        );
    } else if service.checks.is_empty() && is_alone {
        found.error(
            service.line,
            "no-check",
            format!("`{name}` has no check: requests go to machines that are not ready"),
        );
    }
    for check in &service.checks {
        lint_check(check, &format!("{name}.checks"), settings, found);
        lint_routing(check, name, settings, found);
    }
}

/// Rules for checks that take machines out of rotation.
fn lint_routing(check: &Check, name: &str, settings: &Settings, found: &mut Findings) {
    let Some(path) = &check.path else {
        found.error(
            check.line,
            "tcp-probe",
            format!(
                "`{name}` is checked by a connection alone, which a draining process accepts too"
            ),
        );
        return;
    };
    let answer = settings.probe_at(path);
    if matches!(answer, Some(ProbeKind::Liveness | ProbeKind::Startup)) {
        found.error(
            check.node.line_at(&["path"]),
            "routing-asks-liveness",
            format!(
                "`{path}` passes while the service cannot serve: Fly goes on routing to it, and a drain \
                 is not seen. Ask {}",
                settings.readiness.first().map_or("/readyz", String::as_str)
            ),
        );
    }
}

fn lint_check(check: &Check, name: &str, settings: &Settings, found: &mut Findings) {
    if let Some(path) = &check.path
        && settings.probe_at(path).is_none()
    {
        found.error(
            check.node.line_at(&["path"]),
            "path-not-answered",
            format!(
                "`{name}` asks `{path}`, which no probe answers{}",
                known_paths(settings)
            ),
        );
    }
    if let Some(port) = check.port
        && !settings.opens(port)
    {
        found.error(
            check.node.line_at(&["port"]),
            "port-not-open",
            format!(
                "`{name}` asks port {port}, which the service does not open{}",
                open_ports(settings)
            ),
        );
    }
    if check.timeout <= Duration::from_secs(1) {
        found.error(
            check.node.line_at(&["timeout"]),
            "timeout-too-short",
            format!("`{name}` has a timeout of {}", show(check.timeout)),
        );
    }
    if check.timeout >= check.interval {
        found.warning(
            check.node.line_at(&["timeout"]),
            "timeout-exceeds-period",
            format!(
                "`{name}` has a timeout of {}, and asks every {}",
                show(check.timeout),
                show(check.interval)
            ),
        );
    }
    if !matches!(check.method.as_str(), "GET" | "HEAD") {
        found.error(
            check.node.line_at(&["method"]),
            "method-not-allowed",
            format!("`{name}` sends {}, and a probe answers 405", check.method),
        );
    }
    let is_https = check.node.text_of("protocol") == Some("https");
    if is_https && !settings.tls {
        found.error(
            check.node.line_at(&["protocol"]),
            "probe-over-tls",
            format!("`{name}` speaks TLS, and the service does not"),
        );
    }
    if let Some((_, host)) = check
        .headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case("host"))
    {
        super::kubernetes::host_header(
            host,
            check.node.line_at(&["headers"]),
            name,
            settings,
            found,
        );
    }
}
