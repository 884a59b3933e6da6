//! ClickHouse.

use std::cmp::Reverse;

use http::StatusCode;

use crate::indicators::HttpIndicator;
use crate::{CheckResult, Failure, Observation};

/// A line for each replicated table can be a long text.
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
    /// and `min_relative_delay_to_close` of the `merge_tree` settings, and 503 otherwise, with a line
    /// for each replicated table. A status of 503 is enough, however many lines there are.
    ///
    /// - **pass**: no replica lags, or there is none.
    /// - **warn**: a replica lags. The text shows the tables with the longest delay, as far as 200
    ///   characters and [`body_limit`](Self::body_limit) reach. The server still answers queries,
    ///   and on another one the same tables may be current.
    /// - **fail**: another answer, or none.
    ///
    /// The check does not see a table that is read-only because the server has lost its Keeper: the
    /// server leaves such tables out of its verdict.
    pub fn clickhouse_replica(self) -> Self {
        self.path("/replicas_status").judge_part(replicas)
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
            let delays = longest_delays(&String::from_utf8_lossy(body));
            let colon = if delays.is_empty() { "" } else { ": " };
            Ok(Observation::warn(format!("a replica lags{colon}{delays}")))
        }
        StatusCode::OK => Err(Failure::new("the body is not `Ok.`")),
        _ => Err(Failure::new("the server does not report its replicas")),
    }
}

/// The lines of the tables that lag, those with the longest delay first.
fn longest_delays(body: &str) -> String {
    let delay = |line: &str| -> Option<u64> {
        let (_, delays) = line.split_once("Absolute delay: ")?;
        delays.split('.').next()?.parse().ok()
    };
    let lines = body.lines().filter_map(|line| Some((delay(line)?, line)));
    let mut lagging: Vec<_> = lines.filter(|(delay, _)| *delay > 0).collect();
    lagging.sort_by_key(|(delay, _)| Reverse(*delay));
    let lines: Vec<_> = lagging.into_iter().map(|(_, line)| line.trim()).collect();
    lines.join(" ").chars().take(SHOWN).collect()
}

fn is_ok(body: &[u8]) -> bool {
    body.trim_ascii() == b"Ok."
}
