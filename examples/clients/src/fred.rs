//! Redis or Valkey, over a client or pool of fred that the application uses.
//!
//! # What it sends
//!
//! `PING` in each run, on the connection that the application's own commands take, and in line with
//! them. In a cluster one node answers. 500 instances with the TTL of 5 s are 100 PINGs a second.
//!
//! # Verdicts
//!
//! - pass: the server answers PONG.
//! - fail: it answers with an error (`NOAUTH`, `LOADING`, `MASTERDOWN`), or not within the time of
//!   the run. A client that reconnects within that time passes.
//!
//! # What it cannot see
//!
//! Whether the server accepts writes (a replica and a full server answer PONG), other nodes of a
//! cluster, and connections of a pool other than the one whose turn it is. A connection that the
//! network dropped silently fails until the client finds out: set `ConnectionConfig::unresponsive`.
//! Without a `ReconnectPolicy`, fred never connects again.

use std::time::{Duration, Instant};

use fred::interfaces::ClientLike;
use fred::types::config::Options;
use tower_health::indicators::Budget;
use tower_health::{CheckResult, Failure, HealthIndicator, Observation};

const TIMEOUT: Duration = Duration::from_secs(2);

/// Checks that the server answers PING.
#[derive(Debug)]
pub struct FredIndicator<C> {
    name: String,
    client: C,
}

impl<C> FredIndicator<C> {
    /// `client` is a `Client` or a `Pool` of the application.
    pub fn new(name: &str, client: C) -> Self {
        Self {
            name: name.to_owned(),
            client,
        }
    }
}

impl<C: ClientLike + Send + Sync + 'static> HealthIndicator for FredIndicator<C> {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        let budget = Budget::start(TIMEOUT);
        let begun_at = Instant::now();
        // A command that the budget gave up leaves the client's queue by this timeout.
        let options = Options {
            timeout: Some(TIMEOUT),
            max_attempts: Some(1),
            ..Options::default()
        };
        let client = self.client.with_options(&options);
        let state = || format!("{:?}", self.client.state()).to_lowercase();
        match budget.within("PING", client.ping::<String>(None)).await {
            Ok(Ok(pong)) if pong == "PONG" => {
                let took = begun_at.elapsed().as_secs_f64() * 1e3;
                Ok(Observation::pass().measurement("responseTime", took, "ms"))
            }
            Ok(Ok(other)) => Err(Failure::new(format!(
                "Redis: PING: {} bytes instead of PONG",
                other.len()
            ))),
            Ok(Err(error)) => Err(Failure::new(format!(
                "Redis: PING: {error}; the client is {}",
                state()
            ))),
            Err(late) => Err(Failure::new(format!(
                "Redis: {late}; the client is {}",
                state()
            ))),
        }
    }

    fn timeout(&self) -> Option<Duration> {
        Some(TIMEOUT)
    }

    // Every instance of the fleet asks the same server.
    fn ttl(&self) -> Option<Duration> {
        Some(Duration::from_secs(5))
    }
}
