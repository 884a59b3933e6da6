//! Rules for compose files.

mod image;
mod own;

use std::path::Path;
use std::time::Duration;

use super::finding::Findings;
use super::grace::{self, Grace};
use super::own::{Images, not_found};
use super::{command, docker};
use crate::files::compose::{self, Condition, Reach, Service};
use crate::files::healthcheck::{Healthcheck, Test};
use crate::settings::{ProbeKind, Settings};
use crate::tree::Node;
use crate::units::show;
use image::Image;

pub(crate) fn lint(
    root: &Node,
    path: &Path,
    settings: &Settings,
    images: &Images,
    found: &mut Findings,
) {
    let folder = path.parent();
    let services = compose::services(root, folder);
    let mut is_found = false;
    for service in &services {
        let image = Image::of(service, folder);
        let settings = &settings.overridden(&service.environment);
        let check = service.check_over(image.check.as_ref());
        let is_own = own::is_own(service, check.as_ref(), settings, images);
        is_found |= is_own;
        if let Some(check) = &check
            && service.healthcheck.is_some()
        {
            let name = format!("healthcheck of `{}`", service.name);
            if is_own {
                docker::healthcheck(check, &name, &image.programs, settings, found);
            } else {
                // The paths and ports are those of the service, not of a database.
                let (test, programs) = (&check.test, &image.programs);
                command::lint_programs(test, check.line, &name, programs, found);
            }
        }
        for dependency in &service.depends_on {
            if let Some(other) = services.iter().find(|other| other.name == dependency.name) {
                depends(
                    service,
                    other,
                    dependency.line,
                    dependency.condition,
                    folder,
                    found,
                );
            }
        }
        let is_waited_for = services
            .iter()
            .flat_map(|other| &other.depends_on)
            .any(|wait| wait.name == service.name && wait.condition == Condition::Completed);
        if is_own && !is_waited_for && !is_maintenance(service) {
            lint_check(service, check.as_ref(), image.is_known, settings, found);
            lint_stop(service, settings, found);
            lint_ports(service, settings, found);
        }
    }
    let may_be = services
        .iter()
        .find(|service| !own::is_something_else(service));
    if let Some(service) = may_be
        && !is_found
    {
        not_found(service.line, settings, found);
    }
}

/// Whether there is a health check, and who acts on it.
fn lint_check(
    service: &Service,
    check: Option<&Healthcheck>,
    is_image_known: bool,
    settings: &Settings,
    found: &mut Findings,
) {
    let name = &service.name;
    match check {
        Some(check) if check.test == Test::Off && (is_image_known || is_switched_off(service)) => {
            found.warning(
                check.line,
                "no-healthcheck",
                format!("the health check of `{name}` is switched off: nothing waits for it"),
            )
        }
        None if is_image_known => found.warning(
            service.line,
            "no-healthcheck",
            format!("`{name}` has no health check: Docker takes a hung process for a good one"),
        ),
        _ => {}
    }
    if let Some(check) = check
        && restarts_unhealthy(service)
        && command::kind(&check.test, settings) == Some(ProbeKind::Readiness)
    {
        found.error(
            check.line,
            "restart-on-readiness",
            format!(
                "`{name}` is restarted when it is unhealthy, and its health check asks for readiness: \
                 a database that is down restarts every instance"
            ),
        );
    }
}

/// How a stop arrives, and what time it has.
fn lint_stop(service: &Service, settings: &Settings, found: &mut Findings) {
    let name = &service.name;
    let default = match service.node.get("stop_grace_period") {
        Some(_) => "",
        None => ", the default",
    };
    let grace = Grace {
        given_by: &format!("stop_grace_period is {}{default}", show(service.stop_grace)),
        given: service.stop_grace,
        who: &format!("`{name}`"),
        hook: Duration::ZERO,
    };
    let line = service.node.line_at(&["stop_grace_period"]);
    grace::lint(&grace, line, settings, found);
    if let Some(signal) = service.node.get("stop_signal") {
        let text = signal.written().unwrap_or_default();
        docker::stop_signal(
            &text,
            signal.line,
            &format!("stop_signal of `{name}`"),
            found,
        );
    }
    let start = service
        .node
        .get("command")
        .or(service.node.get("entrypoint"));
    if let Some(start) = start {
        command::shell_in_front(&Test::Exec(service.words()), start.line, found);
    }
}

fn lint_ports(service: &Service, settings: &Settings, found: &mut Findings) {
    let name = &service.name;
    let Some(management) = settings.management() else {
        return;
    };
    for ports in &service.ports {
        if ports.reach == Reach::Networks && ports.targets.contains(&management) {
            found.error(
                ports.line,
                "management-port-published",
                format!("`{name}` publishes the management port {management} to every network"),
            );
        }
    }
    if let Some(mode) = service.node.get("network_mode")
        && mode.text() == Some("host")
    {
        found.error(
            mode.line,
            "management-port-published",
            format!(
                "`{name}` uses the network of the machine, where the management port {management} is open \
                 to every network"
            ),
        );
    }
}

fn depends(
    service: &Service,
    other: &Service,
    line: usize,
    condition: Condition,
    folder: Option<&Path>,
    found: &mut Findings,
) {
    let (name, other_name) = (&service.name, &other.name);
    let image = Image::of(other, folder);
    let check = other.check_over(image.check.as_ref());
    let has_check = check.as_ref().is_some_and(|check| check.test != Test::Off);
    if condition == Condition::Healthy && !has_check && (image.is_known || is_switched_off(other)) {
        found.error(
            line,
            "waits-for-no-healthcheck",
            format!("`{name}` waits until `{other_name}` is healthy, but that has no health check"),
        );
    }
    if condition == Condition::Started && has_check {
        found.warning(
            line,
            "waits-for-start-alone",
            format!(
                "`{name}` starts as soon as `{other_name}` has a process; use \
                 `condition: service_healthy`"
            ),
        );
    }
}

/// Whether the file itself switches the check off, whatever the image has.
fn is_switched_off(service: &Service) -> bool {
    let written = service.healthcheck.as_ref();
    written.is_some_and(|written| written.test == Some(Test::Off))
}

fn is_maintenance(service: &Service) -> bool {
    let has = |test: &Option<Test>| match test {
        Some(Test::Exec(words)) => words.iter().any(|word| word.contains("maintenance")),
        _ => false,
    };
    has(&service.command) || has(&service.entrypoint)
}

/// Swarm and autoheal restart what Docker alone only marks.
fn restarts_unhealthy(service: &Service) -> bool {
    let has_autoheal = service.node.get("labels").is_some_and(|labels| {
        let listed = labels
            .items()
            .iter()
            .filter_map(Node::text)
            .any(|label| label.starts_with("autoheal"));
        listed
            || labels
                .entries()
                .iter()
                .any(|(name, _)| name.starts_with("autoheal"))
    });
    let is_swarm = service.node.get("deploy").is_some_and(|deploy| {
        ["restart_policy", "update_config", "mode"]
            .iter()
            .any(|key| deploy.get(key).is_some())
    });
    has_autoheal || is_swarm
}
