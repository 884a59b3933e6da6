//! Rules for `railway.toml`.

use std::time::Duration;

use super::command::known_paths;
use super::finding::Findings;
use super::grace::{self, Grace};
use crate::files::healthcheck::Test;
use crate::files::railway::Railway;
use crate::settings::{ProbeKind, Settings};
use crate::tree::Node;
use crate::units::show;

/// What Railway's prober calls itself.
const HOST: &str = "healthcheck.railway.app";

pub(crate) fn lint(railway: &Railway, settings: &Settings, found: &mut Findings) {
    let Some(deploy) = &railway.deploy else {
        found.error(
            1,
            "no-check",
            "there is no [deploy], and so no health check".to_owned(),
        );
        return;
    };
    match &railway.path {
        None => found.error(
            deploy.line,
            "no-check",
            "deploy.healthcheckPath is missing: traffic moves as soon as the process starts"
                .to_owned(),
        ),
        Some(path) => lint_path(path, deploy.line_at(&["healthcheckPath"]), settings, found),
    }
    if let Some(gate) = settings.startup()
        && railway.timeout <= gate
    {
        found.error(
            deploy.line_at(&["healthcheckTimeout"]),
            "startup-budget-too-short",
            format!(
                "healthcheckTimeout is {}, but startup may take {}: the deployment fails while it migrates",
                show(railway.timeout),
                show(gate),
            ),
        );
    }
    let default = match deploy.get("drainingSeconds") {
        Some(_) => "",
        None => ", the default",
    };
    let grace = Grace {
        given_by: &format!("drainingSeconds is {}{default}", show(railway.draining)),
        given: railway.draining,
        who: "the service",
        hook: Duration::ZERO,
    };
    grace::lint(
        &grace,
        deploy.line_at(&["drainingSeconds"]),
        settings,
        found,
    );
    if let Some(restart) = &railway.restart
        && !matches!(restart.as_str(), "ALWAYS" | "ON_FAILURE" | "NEVER")
    {
        found.error(
            deploy.line_at(&["restartPolicyType"]),
            "unknown-restart-policy",
            format!("restartPolicyType is `{restart}`: it is one of ALWAYS, ON_FAILURE and NEVER"),
        );
    }
    if railway.restart.as_deref() == Some("NEVER") {
        found.warning(
            deploy.line_at(&["restartPolicyType"]),
            "never-restarted",
            "a process that ends is not started again, and nothing probes it after the deployment"
                .to_owned(),
        );
    }
    if !settings.hosts.is_empty() && settings.hosts.iter().all(|host| host != HOST) {
        found.error(
            deploy.line_at(&["healthcheckPath"]),
            "host-refused",
            format!("Railway asks with `Host: {HOST}`, which the service does not accept"),
        );
    }
    if let Some(node) = deploy.get("startCommand")
        && let Some(text) = node.text()
    {
        lint_start(text, node, found);
    }
}

fn lint_path(path: &str, at: usize, settings: &Settings, found: &mut Findings) {
    match settings.probe_at(path) {
        None => found.error(
            at,
            "path-not-answered",
            format!(
                "healthcheckPath is `{path}`, which no probe answers{}",
                known_paths(settings)
            ),
        ),
        Some(ProbeKind::Liveness) => found.error(
            at,
            "routing-asks-liveness",
            format!(
                "healthcheckPath is `{path}`, which passes before the service is ready for traffic"
            ),
        ),
        Some(_) => {}
    }
}

fn lint_start(text: &str, node: &Node, found: &mut Findings) {
    let words = crate::words::split(text);
    super::command::shell_in_front(&Test::Exec(words.clone()), node.line, found);
    let fixed = words
        .iter()
        .any(|word| word.starts_with("--port") || word.starts_with("PORT="));
    if fixed {
        found.error(
            node.line,
            "fixed-port",
            "startCommand names a port, but Railway routes to and probes the one in PORT"
                .to_owned(),
        );
    }
}
