//! Whether a host name has addresses.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::indicators::shared::address::host_fault;
use crate::indicators::shared::budget::{self, Budget, answered_after};
use crate::indicators::shared::config;
use crate::indicators::shared::resolver::{Resolver, is_transient};
use crate::{CheckResult, ComponentType, Failure, HealthIndicator, Observation};

/// Checks that a host name has addresses.
///
/// It uses the system's resolver, as the application does: `getaddrinfo` with `/etc/hosts`, search
/// domains and the caches of the system.
///
/// # What it sends
///
/// Whatever the resolver sends: usually two queries for each search domain that it tries, without a
/// cache of its own. 500 instances cost the DNS servers at least 200 queries a second, unless a cache
/// on the host answers. If a name has no dot at its end and fewer dots than `ndots` (5 in a
/// Kubernetes pod), the resolver tries the search domains of `/etc/resolv.conf` first. Write
/// `api.example.com.` to look up exactly that name.
///
/// `getaddrinfo` blocks and cannot be aborted. It runs on tokio's blocking pool. A lookup that hangs
/// blocks one thread; the next run waits for it instead of blocking a second one.
///
/// # Verdicts
///
/// - **pass**: the name has an address, or [`at_least`](Self::at_least) so many hosts.
/// - **warn**: the resolver has no answer in time, or reports a temporary failure, and the run before
///   had one. That happens once, then the check fails: a resolver waits five seconds before it
///   repeats a packet that was lost (resolv.conf(5)), which is longer than a run.
/// - **fail**: the name does not exist or has too few hosts; there is no answer for two runs, or for
///   the first one.
///
/// # What it cannot see
///
/// Which DNS server answered, whether from a cache, and whether anything listens at the addresses.
/// How many hosts there are if some have only IPv4 and others only IPv6: it counts the addresses of
/// each family, and the larger number is that of the hosts, so that a host with both counts once.
///
/// # Defaults
///
/// | | |
/// |---|---|
/// | cost of a run | a lookup on the blocking pool |
/// | readings | `addresses`, their number; `hosts`, those of the larger family; `responseTime` in `ms` |
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

    /// Fails while the name has fewer hosts than this, which must not be 0. Default: 1.
    ///
    /// Use it for a name with one address per instance, such as a headless Kubernetes service. A host
    /// with an IPv4 and an IPv6 address counts once.
    pub fn at_least(mut self, hosts: usize) -> Self {
        self.at_least = hosts;
        self
    }

    /// Sets how long a run may take. Default: 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl DnsIndicator {
    fn judge(&self, addresses: &[IpAddr], seen: Observation) -> CheckResult {
        let (count, hosts) = (addresses.len(), hosts(addresses));
        if hosts < self.at_least {
            let wanted = self.at_least;
            let of = &self.host;
            let s = if hosts == 1 { "" } else { "s" };
            let text = format!("{of} has addresses of {hosts} host{s}, fewer than {wanted}");
            let failure = Failure::new(text).measurement("addresses", count, "");
            return Err(failure.measurement("hosts", hosts, ""));
        }
        let seen = seen.measurement("addresses", count, "");
        Ok(seen.measurement("hosts", hosts, ""))
    }
}

/// How many hosts have these addresses, if each has one of each family that it uses.
fn hosts(addresses: &[IpAddr]) -> usize {
    let v4 = addresses.iter().filter(|address| address.is_ipv4()).count();
    v4.max(addresses.len() - v4)
}

impl HealthIndicator for DnsIndicator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        config::validated(self)?;
        let begun_at = Instant::now();
        let step = self.resolver.step(&self.host);
        let lookup = self.resolver.addresses(&self.host);
        let (fault, is_transient) = match Budget::start(self.timeout).within(&step, lookup).await {
            Ok(Ok(addresses)) => {
                let seen = answered_after(begun_at.elapsed());
                return self.judge(&addresses, seen);
            }
            Ok(Err(error)) => (format!("{step}: {error}"), is_transient(&error)),
            Err(timed_out) => (timed_out.output().to_owned(), true),
        };
        let last = is_transient.then(|| self.resolver.take_last()).flatten();
        let Some(last) = last else {
            return Err(Failure::new(fault));
        };
        let age = last.age().as_secs();
        let note = format!("{fault}; it had an answer {age} s ago");
        self.judge(&last.addresses, Observation::warn(note))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_with_both_families_counts_once() {
        let of = |addresses: &[&str]| {
            let addresses = addresses.iter().filter_map(|address| address.parse().ok());
            hosts(&addresses.collect::<Vec<_>>())
        };
        assert_eq!(of(&["10.0.0.1", "fd00::1"]), 1);
        assert_eq!(of(&["10.0.0.1", "fd00::1", "10.0.0.2", "fd00::2"]), 2);
        assert_eq!(of(&["10.0.0.1", "10.0.0.2", "fd00::2"]), 2);
        assert_eq!(of(&["fd00::1", "fd00::2", "fd00::3"]), 3);
    }
}
