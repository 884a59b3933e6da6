//! Rules for manifests, over all files together.

mod budget;
mod exposure;
mod links;
mod own;
mod probes;
mod rollout;
mod service;

use std::path::{Path, PathBuf};

use super::finding::{Finding, Findings};
use super::image::Programs;
use super::own::{Images, not_found};
use crate::files::kubernetes::{self, Workload};
use crate::settings::Settings;
use crate::tree::Node;
use own::Pods;

/// A file of manifests: its path, its documents and its text.
pub(crate) type File<'a> = (&'a PathBuf, Vec<Node>, String);

pub(crate) fn lint(
    files: &[File<'_>],
    settings: &Settings,
    images: &Images,
    programs: &Programs,
) -> Vec<Finding> {
    let documents: Vec<&Node> = files
        .iter()
        .flat_map(|(_, roots, _)| kubernetes::documents(roots))
        .collect();
    let of_file = |roots: &[Node]| kubernetes::workloads_with(roots, &documents);
    let (paths, workloads): (Vec<&Path>, Vec<Workload>) = files
        .iter()
        .flat_map(|(path, roots, _)| of_file(roots).into_iter().map(|all| (path.as_path(), all)))
        .unzip();
    let pods = own::find(workloads, settings, images);
    let missing = own::missing(&pods);
    let mut all = Vec::new();
    for (path, roots, text) in files {
        let mut found = Findings::new(path);
        for (_, pods) in paths.iter().zip(&pods).filter(|(file, _)| *file == path) {
            lint_pods(pods, &documents, settings, programs, &mut found);
            if missing.is_some_and(|missing| std::ptr::eq(missing, pods)) {
                not_found(pods.workload.line, settings, &mut found);
            }
        }
        for root in kubernetes::documents(roots) {
            match root.text_of("kind") {
                Some("Service") => service::lint(root, &pods, settings, &mut found),
                Some("PodDisruptionBudget") => {
                    budget::lint(root, &pods, &documents, &mut found);
                }
                _ => {}
            }
        }
        all.extend(found.allowed_by(text));
    }
    all
}

fn lint_pods(
    pods: &Pods,
    documents: &[&Node],
    settings: &Settings,
    programs: &Programs,
    found: &mut Findings,
) {
    let workload = &pods.workload;
    let is_job = matches!(workload.kind.as_str(), "Job" | "CronJob");
    let mut services = documents
        .iter()
        .filter(|root| root.text_of("kind") == Some("Service"));
    let has_service = services.any(|service| service::selects(service, workload));
    for (container, is_own) in pods.containers() {
        if !is_own {
            probes::lint_foreign(container, found);
            continue;
        }
        let settings = &settings.overridden(&container.env);
        probes::lint(container, settings, programs, found);
        links::lint(container, workload, documents, found);
        if !is_job {
            probes::lint_missing(container, has_service, settings, found);
            rollout::lint_stop(workload, container, settings, found);
            exposure::lint(workload, container, settings, found);
        }
    }
    if !is_job && pods.own().next().is_some() {
        rollout::lint(workload, settings, found);
    }
}

/// A `Host` that a probe sends.
pub(crate) fn host_header(
    host: &str,
    line: usize,
    name: &str,
    settings: &Settings,
    found: &mut Findings,
) {
    let bare = host.split(':').next().unwrap_or(host);
    let is_known = settings.hosts.iter().any(|own| own == bare || own == host);
    if !settings.hosts.is_empty() && !is_known {
        found.error(
            line,
            "host-refused",
            format!(
                "{name} sends `Host: {host}`, which the service does not accept; it accepts {}",
                settings.hosts.join(", ")
            ),
        );
    }
}
