//! NATS, over the `async_nats::Client` of the application.
//!
//! # What it sends
//!
//! One empty request in each run, to a subject that nobody answers; the server itself reports that
//! (NATS 2.2 or later). `Client::flush` would not do: it ends when the bytes are in the socket, and
//! passes while the server hangs. Nothing is sent while the client reconnects, so that no requests
//! pile up in it. 500 instances with the TTL of 5 s are 100 small messages a second for the cluster.
//!
//! # Verdicts
//!
//! - pass: the server reports no responders, or a subscriber answers.
//! - fail: the client is not connected, or the server does not answer, within the time of the run.
//!   Nor does a server that forbids this subject (its error goes to the event callback of the
//!   client), nor a subscriber that takes the request and keeps silent.
//!
//! # What it cannot see
//!
//! Other subjects, their permissions and subscribers, JetStream, and the other servers of the
//! cluster. A connection that the network dropped silently fails until the client finds out: two
//! times `ConnectOptions::ping_interval`, by default 60 s. 10 s suit a service that has to notice.

use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::{Client, RequestErrorKind};
use tokio::time::sleep;
use tower_health::indicators::Budget;
use tower_health::{CheckResult, Failure, HealthIndicator, Observation};

const TIMEOUT: Duration = Duration::from_secs(2);

/// Checks that the server answers on the connection of the application's client.
#[derive(Debug)]
pub struct NatsIndicator {
    name: String,
    client: Client,
    subject: String,
}

impl NatsIndicator {
    /// `subject` is one that the client may publish to, such as `health.orders`.
    pub fn new(name: &str, client: Client, subject: &str) -> Self {
        Self {
            name: name.to_owned(),
            client,
            subject: subject.to_owned(),
        }
    }

    async fn connected(&self) {
        while self.client.connection_state() != State::Connected {
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl HealthIndicator for NatsIndicator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        let budget = Budget::start(TIMEOUT);
        let step = "NATS: the client is disconnected and reconnects";
        budget.within(step, self.connected()).await?;
        let step = format!("NATS: request to {}", self.subject);
        let begun_at = Instant::now();
        let request = self.client.request(self.subject.clone(), "".into());
        match budget.within(&step, request).await? {
            Err(error) if error.kind() != RequestErrorKind::NoResponders => {
                Err(Failure::new(format!("{step}: {error}")))
            }
            _ => {
                let took = begun_at.elapsed().as_secs_f64() * 1e3;
                Ok(Observation::pass().measurement("responseTime", took, "ms"))
            }
        }
    }

    fn timeout(&self) -> Option<Duration> {
        Some(TIMEOUT)
    }

    // Every instance of the fleet asks the same servers.
    fn ttl(&self) -> Option<Duration> {
        Some(Duration::from_secs(5))
    }
}
