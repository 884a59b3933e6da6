//! Variables of a container whose values stand in the manifests.

use super::pairs;
use crate::tree::Node;

/// Those of ConfigMaps among these documents, and then those of the container itself, which win.
pub(super) fn of(container: &Node, documents: &[&Node]) -> Vec<(String, String)> {
    let map = |name: &str| {
        let is_it = |root: &&&Node| {
            root.text_of("kind") == Some("ConfigMap")
                && root.at(&["metadata", "name"]).and_then(Node::text) == Some(name)
        };
        documents.iter().find(is_it)?.get("data")
    };
    let whole = container.items_of("envFrom").iter().filter_map(|from| {
        let data = map(from.at(&["configMapRef", "name"])?.text()?)?;
        let prefix = from.text_of("prefix").unwrap_or_default();
        let pairs = pairs(data).into_iter();
        Some(pairs.map(move |(name, value)| (format!("{prefix}{name}"), value)))
    });
    let own = container.items_of("env").iter().filter_map(|variable| {
        let value = match variable.get("value") {
            Some(value) => value.written(),
            None => {
                let key = variable.at(&["valueFrom", "configMapKeyRef"])?;
                map(key.text_of("name")?)?
                    .get(key.text_of("key")?)?
                    .written()
            }
        };
        Some((variable.text_of("name")?.to_owned(), value?))
    });
    whole.flatten().chain(own).collect()
}
