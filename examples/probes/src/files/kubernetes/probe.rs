//! Probes of a container, with the defaults of the API reference of `v1.Probe`.

use std::time::Duration;

use super::scalars;
use crate::tree::Node;

/// A probe, with the defaults of Kubernetes filled in.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Where it begins.
    pub line: usize,
    /// What it does.
    pub action: Action,
    /// `initialDelaySeconds`, 0 by default.
    pub delay: Duration,
    /// `periodSeconds`, 10 by default.
    pub period: Duration,
    /// `timeoutSeconds`, 1 by default.
    pub timeout: Duration,
    /// `failureThreshold`, 3 by default.
    pub failures: u32,
    /// `successThreshold`, 1 by default.
    pub successes: u32,
    /// `terminationGracePeriodSeconds` of the probe itself.
    pub grace: Option<Duration>,
    /// The whole probe.
    pub node: Node,
}

/// What a probe does.
#[derive(Clone, Debug)]
pub enum Action {
    /// `httpGet`.
    Http {
        /// The path, with its query; `/` by default.
        path: String,
        /// The port.
        port: Port,
        /// `host`, which replaces the address of the pod.
        host: Option<String>,
        /// Whether the scheme is HTTPS.
        tls: bool,
        /// `httpHeaders`.
        headers: Vec<(String, String)>,
    },
    /// `grpc`.
    Grpc {
        /// The port.
        port: Port,
        /// The service that is asked for; empty by default.
        service: String,
    },
    /// `tcpSocket`.
    Tcp {
        /// The port.
        port: Port,
    },
    /// `exec`.
    Exec {
        /// The program and its arguments.
        command: Vec<String>,
    },
    /// Nothing that is known.
    None,
}

/// A port of a probe or a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// By number.
    Number(u16),
    /// By the name of a container's port.
    Name(String),
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// One of the three probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// Gates the others.
    Startup,
    /// Restarts the container.
    Liveness,
    /// Switches traffic.
    Readiness,
}

impl Which {
    /// As the manifest names it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Startup => "startupProbe",
            Self::Liveness => "livenessProbe",
            Self::Readiness => "readinessProbe",
        }
    }
}

pub(super) fn probe(node: &Node) -> Probe {
    let number = |key, default: u64| {
        node.int_of(key)
            .and_then(|number| u64::try_from(number).ok())
            .unwrap_or(default)
    };
    let seconds = |key, default| Duration::from_secs(number(key, default));
    let count = |key, default| {
        u32::try_from(number(key, default))
            .unwrap_or(u32::MAX)
            .max(1)
    };
    Probe {
        line: node.line,
        action: action(node),
        delay: seconds("initialDelaySeconds", 0),
        period: seconds("periodSeconds", 10).max(Duration::from_secs(1)),
        timeout: seconds("timeoutSeconds", 1).max(Duration::from_secs(1)),
        failures: count("failureThreshold", 3),
        successes: count("successThreshold", 1),
        grace: node
            .get("terminationGracePeriodSeconds")
            .map(|_| seconds("terminationGracePeriodSeconds", 30)),
        node: node.clone(),
    }
}

pub(super) fn action(node: &Node) -> Action {
    if let Some(http) = node.get("httpGet") {
        let headers = http.items_of("httpHeaders").iter().filter_map(|header| {
            Some((
                header.text_of("name")?.to_owned(),
                header.get("value")?.written()?,
            ))
        });
        return Action::Http {
            path: http.text_of("path").unwrap_or("/").to_owned(),
            port: port(http.get("port")),
            host: http.text_of("host").map(str::to_owned),
            tls: http
                .text_of("scheme")
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")),
            headers: headers.collect(),
        };
    }
    if let Some(grpc) = node.get("grpc") {
        return Action::Grpc {
            port: port(grpc.get("port")),
            service: grpc.text_of("service").unwrap_or_default().to_owned(),
        };
    }
    if let Some(tcp) = node.get("tcpSocket") {
        return Action::Tcp {
            port: port(tcp.get("port")),
        };
    }
    match node.get("exec") {
        Some(exec) => Action::Exec {
            command: scalars(exec, "command"),
        },
        None => Action::None,
    }
}

/// The port that stands here; quoted digits are a name, which no container has.
pub(crate) fn port(node: Option<&Node>) -> Port {
    let Some(node) = node else {
        return Port::Name(String::new());
    };
    match node.text() {
        Some(name) => Port::Name(name.to_owned()),
        None => match node.int().and_then(|number| u16::try_from(number).ok()) {
            Some(number) => Port::Number(number),
            None => Port::Name(node.written().unwrap_or_default()),
        },
    }
}
