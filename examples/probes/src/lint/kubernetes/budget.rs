//! Rules for a PodDisruptionBudget, and the pods that it keeps.

use super::own::Pods;
use crate::files::kubernetes::{Workload, pairs};
use crate::lint::finding::Findings;
use crate::tree::Node;

/// A budget that no eviction can meet.
pub(super) fn lint(root: &Node, pods: &[Pods], documents: &[&Node], found: &mut Findings) {
    let name = root
        .at(&["metadata", "name"])
        .and_then(Node::text)
        .unwrap_or("?");
    let Some(spec) = root.get("spec") else {
        return;
    };
    let selector = spec
        .at(&["selector", "matchLabels"])
        .map(pairs)
        .unwrap_or_default();
    let kept = pods.iter().map(|pods| &pods.workload).find(|workload| {
        let has = |label| workload.labels.contains(label);
        !selector.is_empty() && selector.iter().all(has)
    });
    let Some(kept) = kept else {
        return;
    };
    for key in ["minAvailable", "maxUnavailable"] {
        let Some(node) = spec.get(key) else {
            continue;
        };
        if let Some(of) = blocked(key, node, replicas(kept, documents)) {
            found.error(
                node.line,
                "no-eviction-possible",
                format!(
                    "PodDisruptionBudget `{name}` allows no pod{of} to go: draining a node waits for ever"
                ),
            );
        }
    }
}

/// How many pods there may be at least: those of the autoscaler, or else of the workload.
fn replicas(workload: &Workload, documents: &[&Node]) -> Option<i64> {
    let autoscaler = documents.iter().find(|root| {
        let target = root.at(&["spec", "scaleTargetRef"]);
        target.is_some_and(|target| {
            target.text_of("kind") == Some(workload.kind.as_str())
                && target.text_of("name") == Some(workload.name.as_str())
        })
    });
    match autoscaler {
        Some(root) => root.at(&["spec", "minReplicas"]).and_then(Node::int),
        None => workload.replicas,
    }
}

/// Whether no pod may go; of how many, as far as it is known.
fn blocked(key: &str, node: &Node, replicas: Option<i64>) -> Option<String> {
    let text = node.written().unwrap_or_default();
    let percent = text
        .strip_suffix('%')
        .and_then(|part| part.parse::<i64>().ok());
    let is_blocked = match (key, percent, replicas) {
        ("maxUnavailable", Some(percent), _) => percent == 0,
        ("maxUnavailable", None, _) => node.int() == Some(0),
        (_, Some(percent), _) if percent >= 100 => true,
        // Kubernetes rounds up.
        (_, Some(percent), Some(replicas)) => (replicas * percent + 99) / 100 >= replicas,
        (_, None, Some(replicas)) => node.int().is_some_and(|number| number >= replicas),
        (_, _, None) => false,
    };
    is_blocked.then(|| replicas.map_or_else(String::new, |replicas| format!(" of {replicas}")))
}
