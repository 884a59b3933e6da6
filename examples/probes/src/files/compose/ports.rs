//! Ports of a service: `ports` and `expose`.

use std::ops::RangeInclusive;

use super::variables::interpolated;
use crate::tree::Node;

/// Ports of the container that others reach.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Where they are named.
    pub line: usize,
    /// The ports within the container.
    pub targets: RangeInclusive<u16>,
    /// From where.
    pub reach: Reach,
}

/// Who reaches a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Other containers of the network.
    Containers,
    /// The machine itself.
    Machine,
    /// Every network of the machine.
    Networks,
}

/// The ports that this service names.
pub(super) fn read(service: &Node) -> Vec<Ports> {
    let published = service.items_of("ports").iter().filter_map(published);
    let exposed = service.items_of("expose").iter().filter_map(|node| {
        Some(Ports {
            line: node.line,
            targets: range(&interpolated(&node.written()?))?,
            reach: Reach::Containers,
        })
    });
    published.chain(exposed).collect()
}

/// `[host_ip:][published:]target[/protocol]`, or the same as a map.
fn published(node: &Node) -> Option<Ports> {
    let (target, address) = match node.get("target") {
        Some(target) => (
            interpolated(&target.written()?),
            node.text_of("host_ip").unwrap_or_default().to_owned(),
        ),
        None => {
            let text = interpolated(&node.written()?);
            let (before, target) = match text.rsplit_once(':') {
                Some((before, target)) => (before, target),
                None => ("", text.as_str()),
            };
            (target.to_owned(), before.to_owned())
        }
    };
    let is_local = ["127.", "[::1]", "::1", "localhost"]
        .iter()
        .any(|local| address.starts_with(local));
    Some(Ports {
        line: node.line,
        targets: range(&target)?,
        reach: if is_local {
            Reach::Machine
        } else {
            Reach::Networks
        },
    })
}

/// `8080`, or `8080-8082`.
fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let text = text.split('/').next()?;
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
}
