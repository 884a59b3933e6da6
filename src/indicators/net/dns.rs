//! Whether a host name has addresses.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::indicators::shared::address::host_fault;
use crate::indicators::shared::budget::{self, Budget, answered_after};
use crate::indicators::shared::config;
use crate::indicators::shared::resolver::Resolver;
use crate::{CheckResult, ComponentType, Failure, HealthIndicator};

/// Checks that a host name has addresses.
///
/// It uses the system's resolver, as the application does: `getaddrinfo` with `/etc/hosts`, search
/// domains and the caches of the system. So it says nothing about a particular DNS server.
///
/// `getaddrinfo` blocks and cannot be aborted. It runs on tokio's blocking pool. A lookup that hangs
/// blocks one thread; until it ends, each further run fails with "previous run still going" instead
/// of blocking a second one.
///
/// If a name has no dot at its end and fewer dots than `ndots` (5 in a Kubernetes pod), the resolver
/// tries the search domains of `/etc/resolv.conf` first. Write `api.example.com.` to look up exactly
/// that name.
///
/// | | |
/// |---|---|
/// | cost of a run | a lookup on the blocking pool |
/// | readings | `addresses`, their number; `responseTime` in `ms` |
/// | timeout, TTL | 2 s, 5 s |
/// | criticality | critical |
/// | component type | component |
///
/// ```
/// use tower_health::Health;
/// use tower_health::indicators::DnsIndicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let peers = DnsIndicator::new("peers", "localhost").at_least(1);
/// let health = Health::builder().readiness(peers).start()?;
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "an indicator does nothing until it is registered"]
pub struct DnsIndicator {
    name: String,
    host: String,
    at_least: usize,
    timeout: Duration,
    resolver: Resolver,
}

impl DnsIndicator {
    /// Creates an indicator for `host`, a name without scheme and port.
    ///
    /// `start()` reports a host that is empty or not a name: an IP address, a URL, a name with a
    /// port.
    pub fn new(name: impl Into<String>, host: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            host: host.into(),
            at_least: 1,
            timeout: budget::TIMEOUT,
            resolver: Resolver::default(),
        }
    }

    /// Fails while the name has fewer addresses than this, which must not be 0. Default: 1.
    ///
    /// Use it for a name with one address per instance, such as a headless Kubernetes service.
    pub fn at_least(mut self, addresses: usize) -> Self {
        self.at_least = addresses;
        self
    }

    /// Sets how long a run may take. Default: 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl HealthIndicator for DnsIndicator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        config::validated(self)?;
        let begun_at = Instant::now();
        let step = format!("looking up {}", self.host);
        let lookup = self.resolver.lookup(&self.host, 0);
        let count = Budget::start(self.timeout)
            .within(&step, lookup)
            .await?
            .map_err(|error| Failure::new(format!("{step}: {error}")))?
            .len();
        if count < self.at_least {
            let wanted = self.at_least;
            let text = format!("{} has {count} addresses, fewer than {wanted}", self.host);
            return Err(Failure::new(text).measurement("addresses", count, ""));
        }
        Ok(answered_after(begun_at.elapsed()).measurement("addresses", count, ""))
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }

    fn ttl(&self) -> Option<Duration> {
        Some(budget::TTL)
    }

    fn config_error(&self) -> Option<String> {
        let host = self.host.as_str();
        let host_fault = if host.parse::<IpAddr>().is_ok() {
            Some("is an IP address, which needs no lookup")
        } else if host.contains(':') {
            Some("must be a name without scheme and port")
        } else {
            host_fault(host)
        };
        config::join([
            host_fault.map(|fault| format!("host {fault}")),
            (self.at_least == 0).then(|| "at_least is 0, so no lookup could fail".to_owned()),
        ])
    }

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::Component)
    }
}
