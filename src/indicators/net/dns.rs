//! Whether a name has addresses.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::indicators::IndicatorError;
use crate::indicators::shared::address::check_host;
use crate::indicators::shared::budget::{self, Budget, answered_after};
use crate::indicators::shared::resolver::Resolver;
use crate::{CheckResult, ComponentType, Failure, HealthIndicator};

/// Looks a name up by the system's resolver, as the application does: `getaddrinfo`, with
/// `/etc/hosts`, search domains and whatever the system caches.
///
/// `getaddrinfo` blocks and cannot be aborted. It runs on tokio's blocking pool; a lookup that
/// hangs holds one thread of it, and as long as it does, each further run fails with the words
/// "that of an earlier run is still going" instead of taking a second thread.
///
/// A name without a dot at its end is tried with the search domains of `/etc/resolv.conf` first if
/// it has fewer dots than `ndots` (5 in a Kubernetes pod): write `api.example.com.` to look up
/// exactly that.
///
/// | | |
/// |---|---|
/// | cost of a run | a lookup on the blocking pool |
/// | readings | `addresses`, a number; `responseTime` in `ms` |
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
/// let peers = DnsIndicator::new("peers", "localhost")?.at_least(1)?;
/// let health = Health::builder().readiness(peers).start()?;
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct DnsIndicator {
    name: String,
    host: String,
    at_least: usize,
    timeout: Duration,
    resolver: Resolver,
}

impl DnsIndicator {
    /// An indicator that looks up `host`, a name without scheme and port.
    ///
    /// # Errors
    ///
    /// When the host is empty or not a name: an address, a URL, a name with a port.
    pub fn new(name: impl Into<String>, host: &str) -> Result<Self, IndicatorError> {
        let name = name.into();
        if host.parse::<IpAddr>().is_ok() {
            let fault = "is an address, so that there is nothing to look up";
            return Err(IndicatorError::new(&name, "host", fault));
        }
        if host.contains(':') {
            let fault = "has to be a name without scheme and port";
            return Err(IndicatorError::new(&name, "host", fault));
        }
        check_host(&name, "host", host)?;
        Ok(Self {
            name,
            host: host.to_owned(),
            at_least: 1,
            timeout: budget::TIMEOUT,
            resolver: Resolver::default(),
        })
    }

    /// Fails when the name has fewer addresses than this; by default 1.
    ///
    /// For names that have one address for each instance, as that of a headless Kubernetes service.
    ///
    /// # Errors
    ///
    /// When it is 0: no lookup could fail then.
    pub fn at_least(mut self, addresses: usize) -> Result<Self, IndicatorError> {
        if addresses == 0 {
            let fault = "is 0, which no name could miss";
            return Err(IndicatorError::new(&self.name, "at_least", fault));
        }
        self.at_least = addresses;
        Ok(self)
    }

    /// How long a run may take; by default 2 s.
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

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::Component)
    }
}
