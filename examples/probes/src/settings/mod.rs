//! What the service says about itself: `service settings`.

mod environment;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::tree::{self, Node, ParseError};
use crate::units;

/// The settings of the service that matter to probes.
///
/// [`Default`] is what the crate does without settings, and a service that listens on 8080, with its
/// management port on 8081 and files on 8082.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Time between two runs of a check that has no time of its own.
    pub ttl: Duration,
    /// Checks that readiness depends on, each with the time between two of its runs if it has one of
    /// its own.
    pub checks: BTreeMap<String, Option<Duration>>,
    /// Time from SIGTERM to the end of serving.
    pub drain_delay: Duration,
    /// Time that open connections have after it.
    pub drain_cap: Duration,
    /// Gates of startup, and how long each may take.
    pub gates: BTreeMap<String, Duration>,
    /// Paths of the liveness probe.
    pub liveness: Vec<String>,
    /// Paths of the readiness probe.
    pub readiness: Vec<String>,
    /// Paths of the startup probe.
    pub startup_paths: Vec<String>,
    /// Further paths that answer a probe, and say what readiness says.
    pub summary: Vec<String>,
    /// Names that the gRPC health service knows beside those of the probes.
    pub grpc_services: Vec<String>,
    /// Ports by the name of the listener: `api`, `management`, `web`.
    pub ports: BTreeMap<String, u16>,
    /// Hosts that the listeners accept; empty if they accept every one.
    pub hosts: Vec<String>,
    /// Whether the listeners speak TLS themselves.
    pub tls: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(1),
            checks: BTreeMap::new(),
            drain_delay: Duration::from_secs(5),
            drain_cap: Duration::from_secs(20),
            gates: BTreeMap::new(),
            liveness: vec!["/livez".into()],
            readiness: vec!["/readyz".into()],
            startup_paths: vec!["/startupz".into()],
            summary: vec!["/health".into()],
            grpc_services: Vec::new(),
            ports: [("api", 8080), ("management", 8081), ("web", 8082)]
                .map(|(name, port)| (name.to_owned(), port))
                .into(),
            hosts: Vec::new(),
            tls: false,
        }
    }
}

impl Settings {
    /// Reads what `service settings` prints. Every key is optional, and others are ignored:
    ///
    /// ```toml
    /// ttl = "1s"
    /// drain_delay = "5s"
    /// drain_cap = "20s"
    /// hosts = []
    /// tls = false
    /// grpc_services = []
    /// [gates]
    /// migrations = "60s"
    /// [paths]
    /// liveness = ["/livez"]
    /// readiness = ["/readyz"]
    /// startup = ["/startupz"]
    /// summary = ["/health"]
    /// [ports]
    /// api = 8080
    /// management = 8081
    /// web = 8082
    /// [checks.database]
    /// ttl = "5s"
    /// criticality = "critical"
    /// ```
    ///
    /// The first three may stand in a section `health` as well.
    ///
    /// A bare number is in milliseconds, as everywhere in the settings of tower-health.
    ///
    /// # Errors
    ///
    /// What is no TOML, and a value that is not what its key asks for.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let root = tree::parse_toml(text)?;
        let mut settings = Self::default();
        let tables = ["health", "settings"].map(|name| root.get(name));
        let tables: Vec<&Node> = std::iter::once(&root)
            .chain(tables.into_iter().flatten())
            .collect();
        for table in tables {
            for (key, slot) in [
                ("ttl", &mut settings.ttl),
                ("drain_delay", &mut settings.drain_delay),
                ("drain_cap", &mut settings.drain_cap),
            ] {
                set(table, key, slot)?;
            }
        }
        for (name, node) in root.get("gates").map_or(&[][..], Node::entries) {
            let gate = units::of_node(node, Duration::from_millis(1));
            let gate = gate.ok_or_else(|| wrong(node, name, "a duration"))?;
            settings.gates.insert(name.clone(), gate);
        }
        for (name, check) in root.get("checks").map_or(&[][..], Node::entries) {
            let switches = check.text_of("criticality") != Some("non_critical")
                && check.text_of("probe").unwrap_or("readiness") == "readiness";
            if switches {
                let mut ttl = None;
                if let Some(node) = check.get("ttl") {
                    let own = units::of_node(node, Duration::from_millis(1));
                    ttl = Some(own.ok_or_else(|| wrong(node, "ttl", "a duration"))?);
                }
                settings.checks.insert(name.clone(), ttl);
            }
        }
        if let Some(paths) = root.get("paths") {
            for (key, slot) in [
                ("liveness", &mut settings.liveness),
                ("readiness", &mut settings.readiness),
                ("startup", &mut settings.startup_paths),
                ("summary", &mut settings.summary),
            ] {
                if let Some(node) = paths.get(key) {
                    *slot = node.texts();
                }
            }
        }
        if let Some(ports) = root.get("ports") {
            settings.ports.clear();
            for (name, node) in ports.entries() {
                let port = node.int().and_then(|port| u16::try_from(port).ok());
                let port = port.ok_or_else(|| wrong(node, name, "a port"))?;
                settings.ports.insert(name.clone(), port);
            }
        }
        for (key, slot) in [
            ("hosts", &mut settings.hosts),
            ("grpc_services", &mut settings.grpc_services),
        ] {
            if let Some(node) = root.get(key) {
                *slot = node.texts();
            }
        }
        settings.tls = root.get("tls").and_then(Node::bool).unwrap_or(false);
        Ok(settings)
    }

    /// How often readiness can change: the shortest time between two runs of a check that it depends
    /// on.
    pub fn renewal(&self) -> Duration {
        let own = self.checks.values().map(|ttl| ttl.unwrap_or(self.ttl));
        own.min().unwrap_or(self.ttl)
    }

    /// Longest time that the gates of startup may take; none if the service has no gate.
    pub fn startup(&self) -> Option<Duration> {
        self.gates.values().copied().max()
    }

    /// The port for operators.
    pub fn management(&self) -> Option<u16> {
        self.ports.get("management").copied()
    }

    /// Delay and cap together: how long a drain may take.
    pub fn drain(&self) -> Duration {
        self.drain_delay + self.drain_cap
    }

    /// Whether a listener of the service has this port.
    pub(crate) fn opens(&self, port: u16) -> bool {
        self.ports.values().any(|own| *own == port)
    }

    /// The settings with what these variables of the service's environment change.
    pub(crate) fn overridden(&self, env: &[(String, String)]) -> Self {
        let mut settings = self.clone();
        settings.override_by(env);
        settings
    }

    /// Which probe answers under this path, whose query is not looked at.
    pub fn probe_at(&self, path: &str) -> Option<ProbeKind> {
        let path = path.split('?').next().unwrap_or(path);
        let has = |paths: &[String]| paths.iter().any(|own| own == path);
        if has(&self.liveness) {
            Some(ProbeKind::Liveness)
        } else if has(&self.readiness) || has(&self.summary) {
            Some(ProbeKind::Readiness)
        } else if has(&self.startup_paths) {
            Some(ProbeKind::Startup)
        } else {
            None
        }
    }

    /// Whether this path asks for one check on the management port, as `/readyz/database` does.
    pub(crate) fn is_single_check(&self, path: &str) -> bool {
        let path = path.split('?').next().unwrap_or(path);
        [&self.liveness, &self.readiness, &self.startup_paths]
            .into_iter()
            .flatten()
            .any(|own| {
                path.strip_prefix(own.as_str())
                    .and_then(|rest| rest.strip_prefix('/'))
                    .is_some_and(|name| !name.is_empty())
            })
    }
}

/// One of the three probes that the service answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// The process itself.
    Liveness,
    /// The process and its dependencies.
    Readiness,
    /// The gates of startup.
    Startup,
}

fn set(table: &Node, key: &str, slot: &mut Duration) -> Result<(), ParseError> {
    if let Some(node) = table.get(key) {
        *slot = units::of_node(node, Duration::from_millis(1))
            .ok_or_else(|| wrong(node, key, "a duration"))?;
    }
    Ok(())
}

fn wrong(node: &Node, key: &str, kind: &str) -> ParseError {
    ParseError {
        line: node.line,
        message: format!("`{key}` is not {kind}"),
    }
}
