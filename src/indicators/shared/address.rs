//! `host:port`, parsed when it is configured, and connections to it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::budget::Budget;
use super::resolver::{Resolver, is_transient};
use crate::Failure;

/// How many addresses a failure names: a host name may have dozens.
const NAMED: usize = 4;

/// The host and port of a server.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    host: String,
    port: u16,
    resolver: Resolver,
}

impl Address {
    /// The error is the fault of the `address` setting.
    pub(crate) fn parse(address: &str) -> Result<Self, String> {
        let fault = |fault: &str| format!("address {fault}");
        let form = "must be `host:port`";
        let (host, port) = address
            .rsplit_once(':')
            .ok_or_else(|| fault("has no port: it must be `host:port`"))?;
        let host = match host.strip_prefix('[') {
            Some(bracketed) => {
                let host = bracketed.strip_suffix(']').ok_or_else(|| fault(form))?;
                if host.parse::<Ipv6Addr>().is_err() {
                    return Err(fault("has no IPv6 address in its brackets"));
                }
                host
            }
            None if host.contains(':') => {
                return Err(fault("needs brackets around its IPv6 address: `[::1]:443`"));
            }
            None => host,
        };
        if let Some(host_fault) = host_fault(host) {
            return Err(fault(host_fault));
        }
        match port.parse::<u16>() {
            Ok(0) => Err(fault("has port 0, on which no server listens")),
            Ok(port) => Ok(Self {
                host: host.to_owned(),
                port,
                resolver: Resolver::default(),
            }),
            Err(_) => Err(fault("has no valid port: it must be `host:port`")),
        }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Connects to the first address that accepts, in the order of the system's preference. Each
    /// address gets an equal share of the remaining time.
    ///
    /// If the lookup takes more than half of the time, the addresses of the last one stand in for it,
    /// once: a resolver waits five seconds before it repeats a lost packet.
    pub(crate) async fn connect(
        &self,
        budget: &Budget,
        timeout: Duration,
    ) -> Result<Connection, Failure> {
        let begun_at = Instant::now();
        let step = self.resolver.step(&self.host);
        let share = match self.resolver.has_last() {
            true => timeout / 2,
            false => timeout,
        };
        let lookup = self.resolver.addresses(&self.host);
        let (addresses, note) = match budget.within_share(share, &step, lookup).await {
            Ok(Ok(addresses)) => (addresses, None),
            Ok(Err(error)) => self.last(format!("{step}: {error}"), is_transient(&error))?,
            Err(timed_out) => self.last(timed_out.output().to_owned(), true)?,
        };
        let stream = self
            .connect_any(budget, timeout, begun_at, &addresses)
            .await;
        stream.map(|stream| Connection { stream, note })
    }

    /// What stands in for a lookup that failed.
    fn last(
        &self,
        fault: String,
        is_transient: bool,
    ) -> Result<(Vec<IpAddr>, Option<String>), Failure> {
        let last = is_transient.then(|| self.resolver.take_last()).flatten();
        let Some(last) = last else {
            return Err(Failure::new(fault));
        };
        let age = last.age().as_secs();
        let note = format!("{fault}; it used the addresses of {age} s ago");
        Ok((last.addresses, Some(note)))
    }

    async fn connect_any(
        &self,
        budget: &Budget,
        timeout: Duration,
        begun_at: Instant,
        addresses: &[IpAddr],
    ) -> Result<TcpStream, Failure> {
        let mut faults = Vec::new();
        let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        for address in addresses {
            let address = SocketAddr::new(*address, self.port);
            let spent = begun_at.elapsed();
            let share = spent + timeout.saturating_sub(spent) / left;
            left -= 1;
            let connecting = budget.within_share(share, address, TcpStream::connect(address));
            match connecting.await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => faults.push(format!("{address}: {error}")),
                Err(timed_out) => faults.push(timed_out.output().to_owned()),
            }
        }
        let more = faults.len().saturating_sub(NAMED);
        faults.truncate(NAMED);
        let mut text = format!("connecting to {self}: {}", faults.join("; "));
        if more > 0 {
            text.push_str(&format!("; and {more} more addresses"));
        }
        Err(Failure::new(text))
    }
}

/// A connection, and a warning if its address was in doubt.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) note: Option<String>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        match host.contains(':') {
            true => write!(f, "[{host}]:{port}"),
            false => write!(f, "{host}:{port}"),
        }
    }
}

/// Why a resolver cannot look up this host, if it cannot. The longest name is that of RFC 1035,
/// section 2.3.4.
pub(crate) fn host_fault(host: &str) -> Option<&'static str> {
    if host.is_empty() {
        Some("has no host")
    } else if host.len() > 254 {
        Some("has a host of more than 253 characters")
    } else if host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@?#\\".contains(c)) {
        Some("has a host with characters that no host name has")
    } else {
        None
    }
}
