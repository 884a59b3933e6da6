//! What the health endpoints of well-known servers answer, and what that means to their clients.

mod clickhouse;
mod consul;
mod elasticsearch;
mod openid;
mod vault;

use http::StatusCode;
use serde_json::Value;

use super::{HttpIndicator, Judge};
use crate::{CheckResult, Failure};

impl HttpIndicator {
    /// As [`judge`](Self::judge), for a function that judges a body by its beginning as well.
    fn judge_part(mut self, judge: fn(StatusCode, &[u8]) -> CheckResult) -> Self {
        self.judge = Some(Judge {
            function: Box::new(judge),
            is_part_enough: true,
        });
        self
    }

    /// Adds the path of a health endpoint to the URL.
    fn path(mut self, path_and_query: &str) -> Self {
        if self.judge.is_some() || self.follow.is_some() {
            let fault = "a preset judges by itself: it excludes judge and other presets";
            self.faults.push(fault.to_owned());
        }
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
