//! What the health endpoints of well-known servers answer, and what that means to their clients.

mod clickhouse;
mod consul;
mod elasticsearch;
mod openid;
mod vault;

use serde_json::Value;

use super::HttpIndicator;
use crate::Failure;

impl HttpIndicator {
    /// Adds the path of a health endpoint to the URL.
    fn path(mut self, path_and_query: &str) -> Self {
        if let Ok(endpoint) = &mut self.endpoint {
            match endpoint.target.join(path_and_query) {
                Ok(target) => endpoint.target = target,
                Err(fault) => self.faults.push(fault),
            }
        }
        self
    }
}

/// The body as JSON. The error repeats none of it.
fn json(body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(|_| Failure::new("the body is not JSON"))
}
