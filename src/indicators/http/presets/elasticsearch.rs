//! Elasticsearch and OpenSearch.

use http::StatusCode;
use serde_json::Value;

use super::json;
use crate::indicators::HttpIndicator;
use crate::{CheckResult, Failure, Observation};

impl HttpIndicator {
    /// Checks the health of an Elasticsearch or OpenSearch cluster. The URL is that of a node or of a
    /// balancer: `http://search.internal:9200`.
    ///
    /// It requests `/_cluster/health?local=true`, so that the node answers from the state that it has
    /// and the master is not asked: 500 instances would send it 100 requests a second.
    ///
    /// | `status` | meaning | verdict |
    /// |---|---|---|
    /// | `green` | all shards are assigned | pass |
    /// | `yellow` | replicas are missing, all data can be read and written | warn |
    /// | `red` | at least one primary shard is missing, or the node has no master | fail |
    ///
    /// The meaning of the colours is that of Elasticsearch's reference ("Cluster health API"). A node
    /// without a master reports `red` to `local=true` as well, because of its block on the whole
    /// cluster (`ClusterStateHealth` of Elasticsearch 8), and `discovered_master` as `false`. Other
    /// answers fail: 401 and 403 want credentials in a [header](Self::header).
    ///
    /// One index that nobody uses turns a cluster `red`. Make the check
    /// [non-critical](crate::Criticality::NonCritical) if the application can do without search.
    ///
    /// ```
    /// use tower_health::indicators::HttpIndicator;
    ///
    /// let search = HttpIndicator::new("search", "http://search.internal:9200").elasticsearch();
    /// ```
    pub fn elasticsearch(self) -> Self {
        self.path("/_cluster/health?local=true").judge(judge)
    }
}

fn judge(status: StatusCode, body: &[u8]) -> CheckResult {
    match status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return Err(Failure::new("it refuses the credentials of the check"));
        }
        _ => {
            return Err(Failure::new(
                "the node does not report the cluster's health",
            ));
        }
    }
    let health = json(body)?;
    let unassigned = health.get("unassigned_shards").and_then(Value::as_u64);
    let nodes = health.get("number_of_nodes").and_then(Value::as_u64);
    let shards =
        unassigned.map_or_else(String::new, |count| format!(", {count} shards unassigned"));
    let is_without_master = ["discovered_master", "discovered_cluster_manager"]
        .iter()
        .any(|name| health.get(name) == Some(&Value::Bool(false)));
    let mut seen = match health.get("status").and_then(Value::as_str) {
        _ if is_without_master => return Err(Failure::new("the node has no master")),
        Some("green") => Observation::pass(),
        Some("yellow") => Observation::warn(format!("the cluster is yellow{shards}")),
        Some("red") => return Err(Failure::new(format!("the cluster is red{shards}"))),
        _ => return Err(Failure::new("the body has no status of a cluster")),
    };
    if let Some(count) = unassigned {
        seen = seen.measurement("unassignedShards", count, "");
    }
    if let Some(count) = nodes {
        seen = seen.measurement("nodes", count, "");
    }
    Ok(seen)
}
