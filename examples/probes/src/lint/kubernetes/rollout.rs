//! Rules for how pods come and go.

use std::time::Duration;

use crate::files::healthcheck::Test;
use crate::files::kubernetes::{Container, Which, Workload};
use crate::lint::command;
use crate::lint::finding::Findings;
use crate::lint::grace::{self, Grace};
use crate::settings::Settings;
use crate::units::show;

pub(super) fn lint(workload: &Workload, settings: &Settings, found: &mut Findings) {
    let spec = workload.root.get("spec");
    let deadline = spec.and_then(|spec| spec.get("progressDeadlineSeconds"));
    if let (Some(node), Some(gate)) = (deadline, settings.startup())
        && let Some(seconds) = node.int().and_then(|seconds| u64::try_from(seconds).ok())
        && Duration::from_secs(seconds) <= gate
    {
        found.error(
            node.line,
            "startup-budget-too-short",
            format!(
                "{} `{}` gives up after {seconds} s without progress, but startup may take {}",
                workload.kind,
                workload.name,
                show(gate)
            ),
        );
    }
    let strategy = spec.and_then(|spec| spec.at(&["strategy", "type"]));
    if let Some(node) = strategy
        && node.text() == Some("Recreate")
    {
        found.warning(
            node.line,
            "all-pods-at-once",
            format!(
                "{} `{}` stops every pod before it starts one",
                workload.kind, workload.name
            ),
        );
    }
}

/// How a stop arrives, and what it takes beside what the pod grants.
pub(super) fn lint_stop(
    workload: &Workload,
    container: &Container,
    settings: &Settings,
    found: &mut Findings,
) {
    let node = workload.pod.get("terminationGracePeriodSeconds");
    let default = if node.is_none() { ", the default" } else { "" };
    let given = workload.grace();
    let grace = Grace {
        given_by: &format!("terminationGracePeriodSeconds is {}{default}", show(given)),
        given,
        who: &format!("`{}`", container.name),
        hook: container
            .pre_stop()
            .map(|hook| hook.duration())
            .unwrap_or_default(),
    };
    let line = node.map_or(container.line, |node| node.line);
    grace::lint(&grace, line, settings, found);
    for (which, probe) in container.probes() {
        if let Some(grace) = probe.grace
            && grace < settings.drain()
            && which != Which::Readiness
        {
            let line = probe.node.line_at(&["terminationGracePeriodSeconds"]);
            found.warning(
                line,
                "grace-too-short",
                format!(
                    "{} of `{}` grants {} after a failure, less than a drain of {}",
                    which.key(),
                    container.name,
                    show(grace),
                    show(settings.drain())
                ),
            );
        }
    }
    let start = container.node.get("args").or(container.node.get("command"));
    if let Some(start) = start {
        let words = container.command.iter().chain(&container.args).cloned();
        command::shell_in_front(&Test::Exec(words.collect()), start.line, found);
    }
}
