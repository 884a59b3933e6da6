//! `railway.toml`, and `railway.json`, which is YAML as well.

use std::time::Duration;

use crate::tree::Node;
use crate::units;

/// What of the file matters to the health check.
#[derive(Clone, Debug)]
pub struct Railway {
    /// `deploy.startCommand`.
    pub start: Option<String>,
    /// `deploy.preDeployCommand`, the commands in order.
    pub before: Vec<String>,
    /// `deploy.healthcheckPath`.
    pub path: Option<String>,
    /// `deploy.healthcheckTimeout`, 300 s by default.
    pub timeout: Duration,
    /// `deploy.restartPolicyType`.
    pub restart: Option<String>,
    /// `deploy.numReplicas`, 1 by default.
    pub replicas: usize,
    /// `deploy.drainingSeconds`, 0 by default: SIGKILL follows SIGTERM at once.
    pub draining: Duration,
    /// `deploy.overlapSeconds`.
    pub overlap: Duration,
    /// `[deploy]`.
    pub deploy: Option<Node>,
}

/// Reads what stands below the root of the file.
pub fn read(root: &Node) -> Railway {
    let deploy = root.get("deploy");
    let text = |key| deploy.and_then(|node| node.text_of(key)).map(str::to_owned);
    let seconds = |key, default| {
        deploy
            .and_then(|node| node.get(key))
            .and_then(|node| units::of_node(node, Duration::from_secs(1)))
            .unwrap_or(Duration::from_secs(default))
    };
    let before = deploy.and_then(|node| node.get("preDeployCommand"));
    Railway {
        start: text("startCommand"),
        before: before.map(Node::texts).unwrap_or_default(),
        path: text("healthcheckPath"),
        timeout: seconds("healthcheckTimeout", 300),
        restart: text("restartPolicyType"),
        replicas: deploy
            .and_then(|node| node.int_of("numReplicas"))
            .and_then(|number| number.try_into().ok())
            .unwrap_or(1),
        draining: seconds("drainingSeconds", 0),
        overlap: seconds("overlapSeconds", 0),
        deploy: deploy.cloned(),
    }
}
