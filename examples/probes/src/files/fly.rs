//! `fly.toml`.
//!
//! Times of checks without a unit are milliseconds; `kill_timeout` is in seconds.

use std::time::Duration;

use crate::tree::Node;
use crate::units;

/// What of `fly.toml` matters to checks.
#[derive(Clone, Debug)]
pub struct Fly {
    /// `[http_service]`, then every `[[services]]`.
    pub services: Vec<Service>,
    /// `[checks]`, by name: they are shown, and neither route nor restart.
    pub top_level: Vec<(String, Check)>,
    /// `kill_signal`, SIGINT by default.
    pub kill_signal: String,
    /// `kill_timeout`, 5 s by default.
    pub kill_timeout: Duration,
    /// `deploy.release_command`.
    pub release_command: Option<String>,
    /// `[env]`.
    pub env: Vec<(String, String)>,
    /// The command of the process group `app`.
    pub process: Option<String>,
    /// The whole file.
    pub root: Node,
}

/// A service that the proxy routes to.
#[derive(Clone, Debug)]
pub struct Service {
    /// Where it begins.
    pub line: usize,
    /// Whether it is `[http_service]`.
    pub is_http: bool,
    /// Where requests go.
    pub port: Option<u16>,
    /// Its HTTP checks.
    pub checks: Vec<Check>,
    /// The whole service.
    pub node: Node,
}

/// One check.
#[derive(Clone, Debug)]
pub struct Check {
    /// Where it begins.
    pub line: usize,
    /// The path; none for a check of TCP.
    pub path: Option<String>,
    /// `GET` by default.
    pub method: String,
    /// Its port, if it names one.
    pub port: Option<u16>,
    /// Time before the first check.
    pub grace: Option<Duration>,
    /// 15 s if not set.
    pub interval: Duration,
    /// 2 s if not set.
    pub timeout: Duration,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The whole check.
    pub node: Node,
}

/// Reads what stands below the root of the file.
pub fn read(root: &Node) -> Fly {
    let http = root
        .get("http_service")
        .into_iter()
        .map(|node| service(node, true));
    let services = root
        .items_of("services")
        .iter()
        .map(|node| service(node, false));
    let top_level = root.get("checks").map_or(&[][..], Node::entries);
    Fly {
        services: http.chain(services).collect(),
        top_level: top_level
            .iter()
            .map(|(name, node)| (name.clone(), check(node)))
            .collect(),
        kill_signal: root.text_of("kill_signal").unwrap_or("SIGINT").to_owned(),
        kill_timeout: root
            .get("kill_timeout")
            .and_then(|node| units::of_node(node, Duration::from_secs(1)))
            .unwrap_or(Duration::from_secs(5)),
        release_command: root
            .at(&["deploy", "release_command"])
            .and_then(Node::text)
            .map(str::to_owned),
        env: root
            .get("env")
            .map(super::kubernetes::pairs)
            .unwrap_or_default(),
        process: root
            .at(&["processes", "app"])
            .and_then(Node::text)
            .map(str::to_owned),
        root: root.clone(),
    }
}

fn service(node: &Node, is_http: bool) -> Service {
    let key = if is_http { "checks" } else { "http_checks" };
    let tcp = node.items_of("tcp_checks").iter().map(|node| Check {
        path: None,
        ..check(node)
    });
    Service {
        line: node.line,
        is_http,
        port: match node.int_of("internal_port") {
            Some(port) => port.try_into().ok(),
            None => is_http.then_some(8080),
        },
        checks: node.items_of(key).iter().map(check).chain(tcp).collect(),
        node: node.clone(),
    }
}

fn check(node: &Node) -> Check {
    let time = |key| {
        node.get(key)
            .and_then(|node| units::of_node(node, Duration::from_millis(1)))
    };
    let is_tcp = node
        .text_of("type")
        .is_some_and(|kind| kind.eq_ignore_ascii_case("tcp"));
    let path = node.text_of("path").unwrap_or("/").to_owned();
    Check {
        line: node.line,
        path: (!is_tcp).then_some(path),
        method: node.text_of("method").unwrap_or("GET").to_ascii_uppercase(),
        port: node.int_of("port").and_then(|port| port.try_into().ok()),
        grace: time("grace_period"),
        interval: time("interval").unwrap_or(Duration::from_secs(15)),
        timeout: time("timeout").unwrap_or(Duration::from_secs(2)),
        headers: node
            .get("headers")
            .map(super::kubernetes::pairs)
            .unwrap_or_default(),
        node: node.clone(),
    }
}
