//! Manifests: workloads, their containers and probes.
//!
//! Defaults are those of the API reference of `v1.PodSpec`.

mod hook;
mod probe;
mod variables;

use std::time::Duration;

use crate::tree::Node;
use probe::probe;

pub use hook::PreStop;
pub(crate) use probe::port;
pub use probe::{Action, Port, Probe, Which};

/// What runs pods.
#[derive(Clone, Debug)]
pub struct Workload {
    /// `Deployment`, `Job`, ...
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Where it begins.
    pub line: usize,
    /// Labels of the pods.
    pub labels: Vec<(String, String)>,
    /// How many pods are wanted; `None` if it is not written, as beside an autoscaler.
    pub replicas: Option<i64>,
    /// The whole document.
    pub root: Node,
    /// The spec of the pods.
    pub pod: Node,
    /// The containers, and sidecars among the init containers.
    pub containers: Vec<Container>,
}

/// One container of a pod.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Where it begins.
    pub line: usize,
    /// The image.
    pub image: String,
    /// `command`, which replaces the entry point of the image.
    pub command: Vec<String>,
    /// `args`, which replace the command of the image.
    pub args: Vec<String>,
    /// Ports by name.
    pub ports: Vec<ContainerPort>,
    /// Variables whose value stands in the manifests; of two with the same name, the last one holds.
    pub env: Vec<(String, String)>,
    /// The startup probe.
    pub startup: Option<Probe>,
    /// The liveness probe.
    pub liveness: Option<Probe>,
    /// The readiness probe.
    pub readiness: Option<Probe>,
    /// The whole container.
    pub node: Node,
}

/// A port that a container says it opens.
#[derive(Clone, Debug)]
pub struct ContainerPort {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its number.
    pub number: u16,
}

impl Container {
    /// The number of this port.
    pub fn resolve(&self, port: &Port) -> Option<u16> {
        match port {
            Port::Number(number) => Some(*number),
            Port::Name(name) => self
                .ports
                .iter()
                .find(|port| port.name.as_ref() == Some(name))
                .map(|port| port.number),
        }
    }

    /// Its probes by name.
    pub fn probes(&self) -> impl Iterator<Item = (Which, &Probe)> {
        [
            (Which::Startup, self.startup.as_ref()),
            (Which::Liveness, self.liveness.as_ref()),
            (Which::Readiness, self.readiness.as_ref()),
        ]
        .into_iter()
        .filter_map(|(which, probe)| Some((which, probe?)))
    }
}

impl Workload {
    /// What pods have between SIGTERM and SIGKILL, `preStop` included; 30 s by default.
    pub fn grace(&self) -> Duration {
        let seconds = self
            .pod
            .int_of("terminationGracePeriodSeconds")
            .unwrap_or(30);
        Duration::from_secs(seconds.try_into().unwrap_or(0))
    }
}

/// The documents of a file, with those of a `List` on their own.
pub fn documents(roots: &[Node]) -> Vec<&Node> {
    let mut all = Vec::new();
    for root in roots {
        if root.text_of("kind") == Some("List") {
            all.extend(root.items_of("items"));
        } else {
            all.push(root);
        }
    }
    all
}

/// Every workload of a file, whose ConfigMaps stand in the same file.
pub fn workloads(roots: &[Node]) -> Vec<Workload> {
    workloads_with(roots, &documents(roots))
}

/// Every workload of a file, whose ConfigMaps are among these documents.
pub fn workloads_with(roots: &[Node], all: &[&Node]) -> Vec<Workload> {
    let mut workloads: Vec<_> = documents(roots).into_iter().filter_map(workload).collect();
    for container in workloads
        .iter_mut()
        .flat_map(|workload| &mut workload.containers)
    {
        container.env = variables::of(&container.node, all);
    }
    workloads
}

fn workload(root: &Node) -> Option<Workload> {
    let kind = root.text_of("kind")?;
    let template = match kind {
        "Pod" => Some(root),
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "Rollout" => {
            root.at(&["spec", "template"])
        }
        "CronJob" => root.at(&["spec", "jobTemplate", "spec", "template"]),
        _ => None,
    }?;
    let pod = template.get("spec")?;
    let sidecars = pod
        .items_of("initContainers")
        .iter()
        .filter(|container| container.text_of("restartPolicy") == Some("Always"));
    let containers = pod
        .items_of("containers")
        .iter()
        .chain(sidecars)
        .map(container)
        .collect();
    Some(Workload {
        kind: kind.to_owned(),
        name: root
            .at(&["metadata", "name"])
            .and_then(Node::text)
            .unwrap_or("?")
            .to_owned(),
        line: root.get("kind")?.line,
        labels: template
            .at(&["metadata", "labels"])
            .map(pairs)
            .unwrap_or_default(),
        replicas: root.at(&["spec", "replicas"]).and_then(Node::int),
        root: root.clone(),
        pod: pod.clone(),
        containers,
    })
}

fn container(node: &Node) -> Container {
    let ports = node.items_of("ports").iter().filter_map(|port| {
        Some(ContainerPort {
            name: port.text_of("name").map(str::to_owned),
            number: port.int_of("containerPort")?.try_into().ok()?,
        })
    });
    Container {
        name: node.text_of("name").unwrap_or("?").to_owned(),
        line: node.line,
        image: node.text_of("image").unwrap_or_default().to_owned(),
        command: scalars(node, "command"),
        args: scalars(node, "args"),
        ports: ports.collect(),
        env: variables::of(node, &[]),
        startup: node.get("startupProbe").map(probe),
        liveness: node.get("livenessProbe").map(probe),
        readiness: node.get("readinessProbe").map(probe),
        node: node.clone(),
    }
}

pub(crate) fn pairs(node: &Node) -> Vec<(String, String)> {
    node.entries()
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.written()?)))
        .collect()
}

fn scalars(node: &Node, key: &str) -> Vec<String> {
    node.get(key).map(Node::scalars).unwrap_or_default()
}
