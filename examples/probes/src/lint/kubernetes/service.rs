//! Rules for a Service, and the pods behind it.

use super::own::Pods;
use crate::files::kubernetes::{self, Port, Workload, pairs};
use crate::lint::finding::Findings;
use crate::settings::Settings;
use crate::tree::Node;

/// Whether this Service sends requests to these pods.
pub(super) fn selects(service: &Node, workload: &Workload) -> bool {
    let Some(selector) = service.at(&["spec", "selector"]) else {
        return false;
    };
    let selector = pairs(selector);
    let namespace = |root: &Node| {
        root.at(&["metadata", "namespace"])
            .and_then(Node::text)
            .unwrap_or("default")
            .to_owned()
    };
    !selector.is_empty()
        && selector.iter().all(|label| workload.labels.contains(label))
        && namespace(service) == namespace(&workload.root)
        && !matches!(workload.kind.as_str(), "Job" | "CronJob")
}

pub(super) fn lint(service: &Node, pods: &[Pods], settings: &Settings, found: &mut Findings) {
    let name = service
        .at(&["metadata", "name"])
        .and_then(Node::text)
        .unwrap_or("?");
    let pods: Vec<&Pods> = pods
        .iter()
        .filter(|pods| selects(service, &pods.workload))
        .collect();
    let ports = service.at(&["spec", "ports"]).map_or(&[][..], Node::items);
    for port in ports {
        let node = port.get("targetPort").or(port.get("port"));
        let target = kubernetes::port(node);
        let line = node.map_or(port.line, |node| node.line);
        let containers: Vec<_> = pods
            .iter()
            .flat_map(|pods| &pods.workload.containers)
            .collect();
        let number = match &target {
            Port::Number(number) => Some(*number),
            Port::Name(_) => containers
                .iter()
                .find_map(|container| container.resolve(&target)),
        };
        if pods.is_empty() {
            continue;
        }
        let own: Vec<Settings> = pods
            .iter()
            .flat_map(|pods| pods.own())
            .map(|container| settings.overridden(&container.env))
            .collect();
        let is_management = |number| {
            own.iter()
                .any(|settings| settings.management() == Some(number))
        };
        match number {
            None => found.error(
                line,
                "port-not-open",
                format!("Service `{name}` sends to port `{target}`, which no container has"),
            ),
            Some(number) if is_management(number) => found.error(
                line,
                "management-port-in-service",
                format!(
                    "Service `{name}` sends to the management port {number}: whoever reaches it reads \
                     what depends on what"
                ),
            ),
            Some(number) => {
                let is_open = own.iter().any(|settings| settings.opens(number))
                    || containers
                        .iter()
                        .flat_map(|container| &container.ports)
                        .any(|port| port.number == number);
                if !is_open {
                    found.error(
                        line,
                        "port-not-open",
                        format!("Service `{name}` sends to port {number}, which no container opens"),
                    );
                }
            }
        }
    }
    if let Some(node) = service.at(&["spec", "publishNotReadyAddresses"])
        && node.bool() == Some(true)
        && pods.iter().any(|pods| pods.own().next().is_some())
        // Peers find each other by a headless Service, and no traffic goes through it.
        && service.at(&["spec", "clusterIP"]).and_then(Node::text) != Some("None")
    {
        found.error(
            node.line,
            "readiness-ignored",
            format!(
                "Service `{name}` publishes pods that are not ready: readiness switches nothing"
            ),
        );
    }
}
