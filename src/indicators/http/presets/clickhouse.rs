//! ClickHouse.

use http::StatusCode;

use crate::indicators::HttpIndicator;
use crate::{CheckResult, Failure, Observation};

/// A line for each table that lags can be long.
const SHOWN: usize = 200;

impl HttpIndicator {
    /// Checks that a ClickHouse server answers. The URL is that of its HTTP interface:
    /// `http://clickhouse.internal:8123`.
    ///
    /// It requests `/ping`, which answers `Ok.` without a user and without a query (ClickHouse's
    /// documentation, "HTTP interface"). So it passes too while queries wait for a free slot or for
    /// memory; [`clickhouse_replica`](Self::clickhouse_replica) sees replicas that lag.
    ///
    /// ```
    /// use tower_health::indicators::HttpIndicator;
    ///
    /// let clickhouse = HttpIndicator::new("events", "http://clickhouse.internal:8123").clickhouse();
    /// ```
    pub fn clickhouse(self) -> Self {
        self.path("/ping").judge(ping)
    }

    /// Checks that the replicated tables of a ClickHouse server do not lag. The URL is that of its
    /// HTTP interface: `http://clickhouse.internal:8123`.
    ///
    /// It requests `/replicas_status` (ClickHouse's documentation, "HTTP interface"). The server
    /// answers 200 while each of its replicas lags less than its limits `min_absolute_delay_to_close`
    /// and `min_relative_delay_to_close` of the `merge_tree` settings, and 503 otherwise, with the
    /// delays.
    ///
    /// - **pass**: no replica lags, or there is none.
    /// - **warn**: a replica lags. The server still answers queries, and on another one the same
    ///   tables may be current.
    /// - **fail**: another answer, or none.
    pub fn clickhouse_replica(self) -> Self {
        self.path("/replicas_status").judge(replicas)
    }
}

fn ping(status: StatusCode, body: &[u8]) -> CheckResult {
    match status {
        StatusCode::OK if is_ok(body) => Ok(Observation::pass()),
        StatusCode::OK => Err(Failure::new("the body is not `Ok.`")),
        _ => Err(Failure::new("the server does not answer a ping")),
    }
}

fn replicas(status: StatusCode, body: &[u8]) -> CheckResult {
    match status {
        StatusCode::OK if is_ok(body) => Ok(Observation::pass()),
        StatusCode::SERVICE_UNAVAILABLE => {
            let delays: String = String::from_utf8_lossy(body).chars().take(SHOWN).collect();
            let delays = delays.trim();
            Ok(Observation::warn(format!("a replica lags: {delays}")))
        }
        StatusCode::OK => Err(Failure::new("the body is not `Ok.`")),
        _ => Err(Failure::new("the server does not report its replicas")),
    }
}

fn is_ok(body: &[u8]) -> bool {
    body.trim_ascii() == b"Ok."
}
