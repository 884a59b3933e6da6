//! Variables that Kubernetes makes of the names of Services.

use crate::files::kubernetes::{Container, Workload};
use crate::lint::finding::Findings;
use crate::tree::Node;

/// A Service `api` becomes `API_PORT=tcp://10.0.0.1:80` in every pod of its namespace that starts
/// after it, unless `enableServiceLinks` is false.
pub(super) fn lint(
    container: &Container,
    workload: &Workload,
    documents: &[&Node],
    found: &mut Findings,
) {
    let has_links = workload.pod.get("enableServiceLinks").and_then(Node::bool) != Some(false);
    let namespace = |root: &Node| {
        let name = root.at(&["metadata", "namespace"]).and_then(Node::text);
        name.unwrap_or("default").to_owned()
    };
    let services = documents.iter().filter(|root| {
        root.text_of("kind") == Some("Service") && namespace(root) == namespace(&workload.root)
    });
    for service in services.filter(|_| has_links) {
        let Some(name) = service.at(&["metadata", "name"]).and_then(Node::text) else {
            continue;
        };
        let variable = format!("{}_PORT", name.to_ascii_uppercase().replace('-', "_"));
        let is_setting = matches!(
            variable.as_str(),
            "API_PORT" | "MANAGEMENT_PORT" | "WEB_PORT"
        ) || variable.starts_with("HEALTH_");
        let is_set = container.env.iter().any(|(own, _)| *own == variable);
        if is_setting && !is_set {
            found.error(
                container.line,
                "service-link-as-setting",
                format!(
                    "Kubernetes sets {variable} of `{}` to the address of the Service `{name}`, and the \
                     service takes it for a setting: set enableServiceLinks to false",
                    container.name
                ),
            );
        }
    }
}
