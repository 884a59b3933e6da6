//! The management port on the network of the node.

use crate::files::kubernetes::{Container, Workload};
use crate::lint::finding::Findings;
use crate::settings::Settings;

pub(super) fn lint(
    workload: &Workload,
    container: &Container,
    settings: &Settings,
    found: &mut Findings,
) {
    let Some(management) = settings.management() else {
        return;
    };
    if let Some(node) = workload.pod.get("hostNetwork")
        && node.bool() == Some(true)
    {
        found.error(
            node.line,
            "management-port-published",
            format!(
                "the pods of `{}` use the network of the node, where the management port {management} is \
                 open to whoever reaches the node",
                workload.name
            ),
        );
    }
    for port in container.node.items_of("ports") {
        let host = port.text_of("hostIP").unwrap_or_default();
        if let Some(node) = port.get("hostPort")
            && port.int_of("containerPort") == Some(management.into())
            && !host.starts_with("127.")
            && node.int() != Some(0)
        {
            found.error(
                node.line,
                "management-port-published",
                format!(
                    "`{}` opens the management port {management} on the node: whoever reaches the node \
                     reads what depends on what",
                    container.name
                ),
            );
        }
    }
}
