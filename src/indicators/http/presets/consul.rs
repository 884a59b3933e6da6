//! HashiCorp Consul.

use http::StatusCode;
use serde_json::Value;

use super::json;
use crate::indicators::HttpIndicator;
use crate::{CheckResult, Failure, Observation};

impl HttpIndicator {
    /// Checks that a Consul agent answers and that its datacenter has a leader. The URL is that of
    /// the agent: `http://127.0.0.1:8500`.
    ///
    /// It requests `/v1/status/leader`, which needs no ACL token and which the agent forwards to a
    /// server (Consul's API documentation, "Status HTTP API"). The answer is the address of the
    /// leader as a JSON string, and an empty string while there is none.
    ///
    /// - **pass**: there is a leader.
    /// - **fail**: there is none, so that nothing can be registered, locked or read consistently; or
    ///   the agent reaches no server, which it answers with 500.
    ///
    /// The check does not see whether a service is registered, nor whether the ACL token of the
    /// application is valid.
    ///
    /// ```
    /// use tower_health::indicators::HttpIndicator;
    ///
    /// let consul = HttpIndicator::new("consul", "http://127.0.0.1:8500").consul();
    /// ```
    pub fn consul(self) -> Self {
        self.path("/v1/status/leader").judge(judge)
    }
}

fn judge(status: StatusCode, body: &[u8]) -> CheckResult {
    match status {
        StatusCode::OK => match json(body)? {
            Value::String(leader) if leader.is_empty() => {
                Err(Failure::new("the datacenter has no leader"))
            }
            Value::String(_) => Ok(Observation::pass()),
            _ => Err(Failure::new("the body is not the address of a leader")),
        },
        StatusCode::INTERNAL_SERVER_ERROR => {
            Err(Failure::new("the agent gets no answer from a server"))
        }
        _ => Err(Failure::new("that is no answer of a Consul agent")),
    }
}
