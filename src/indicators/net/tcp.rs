//! Whether a port accepts connections.

use std::time::{Duration, Instant};

use crate::indicators::shared::address::Address;
use crate::indicators::shared::budget::{self, Budget, answered_after};
use crate::indicators::shared::config;
use crate::indicators::shared::note::warned;
use crate::{CheckResult, ComponentType, HealthIndicator};

/// Checks that `host:port` accepts a TCP connection.
///
/// Use it only for servers that have no indicator of their own.
///
/// # What it sends
///
/// A lookup of the host by the system's resolver, and a TCP handshake. Unlike the other indicators,
/// each run opens a new connection and closes it at once, because that is what it measures. It tries
/// the addresses one after the other, each for an equal share of the time, until one accepts. 500
/// instances open 100 connections a second. A server that logs its connections logs these too.
///
/// # Verdicts
///
/// - **pass**: an address accepts a connection.
/// - **warn**: one accepts, but the resolver did not answer in half of the time, so the addresses of
///   the run before were used. That happens once: a resolver waits five seconds before it repeats a
///   packet that was lost (resolv.conf(5)). The next run waits for that lookup, and fails without it.
/// - **fail**: no address accepts, or the name has none.
///
/// # What it cannot see
///
/// Whether anything answers: the kernel also accepts connections for a process that hangs, and a
/// balancer for backends that are down.
///
/// # Defaults
///
/// | | |
/// |---|---|
/// | cost of a run | a lookup, a TCP handshake |
/// | readings | `responseTime` in `ms`: lookup and connect |
/// | timeout, TTL | 2 s, 5 s |
/// | criticality | critical |
/// | component type | component |
///
/// ```no_run
/// use tower_health::Health;
/// use tower_health::indicators::TcpIndicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mail = TcpIndicator::new("mail", "smtp.internal:25");
/// let health = Health::builder().readiness(mail).start()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "an indicator does nothing until it is registered"]
pub struct TcpIndicator {
    name: String,
    /// `Err` holds the configuration error.
    address: Result<Address, String>,
    timeout: Duration,
}

impl TcpIndicator {
    /// Creates an indicator for `host:port` or `[IPv6 address]:port`.
    ///
    /// `start()` reports an address without a host, or without a port from 1 to 65535.
    pub fn new(name: impl Into<String>, address: &str) -> Self {
        Self {
            name: name.into(),
            address: Address::parse(address),
            timeout: budget::TIMEOUT,
        }
    }

    /// Sets how long a run may take, including the lookup. Default: 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl HealthIndicator for TcpIndicator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        let address = config::parsed(&self.address)?;
        let begun_at = Instant::now();
        let budget = Budget::start(self.timeout);
        let connection = address.connect(&budget, self.timeout).await?;
        drop(connection.stream);
        let seen = answered_after(begun_at.elapsed());
        Ok(match connection.note {
            Some(note) => warned(&seen, &note),
            None => seen,
        })
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }

    fn ttl(&self) -> Option<Duration> {
        Some(budget::TTL)
    }

    fn config_error(&self) -> Option<String> {
        self.address.as_ref().err().cloned()
    }

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::Component)
    }
}
