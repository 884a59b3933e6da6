//! `host:port`, checked when it is given, and a connection to it.

use std::fmt;
use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::budget::Budget;
use super::resolver::Resolver;
use crate::Failure;
use crate::indicators::IndicatorError;

/// How many addresses a failure names: a name may have dozens.
const NAMED: usize = 4;

/// Where a server is.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    host: String,
    port: u16,
    resolver: Resolver,
}

impl Address {
    pub(crate) fn parse(indicator: &str, address: &str) -> Result<Self, IndicatorError> {
        let fault = |fault: &str| IndicatorError::new(indicator, "address", fault);
        let form = "has to be `host:port`";
        let (host, port) = address
            .rsplit_once(':')
            .ok_or_else(|| fault("has no port: it has to be `host:port`"))?;
        let host = match host.strip_prefix('[') {
            Some(bracketed) => {
                let host = bracketed.strip_suffix(']').ok_or_else(|| fault(form))?;
                if host.parse::<Ipv6Addr>().is_err() {
                    return Err(fault(
                        "has something other than an IPv6 address in brackets",
                    ));
                }
                host
            }
            None if host.contains(':') => {
                return Err(fault("needs brackets around its IPv6 address: `[::1]:443`"));
            }
            None => host,
        };
        check_host(indicator, "address", host)?;
        match port.parse::<u16>() {
            Ok(0) => Err(fault("has port 0, which no server has")),
            Ok(port) => Ok(Self {
                host: host.to_owned(),
                port,
                resolver: Resolver::default(),
            }),
            Err(_) => Err(fault("has no valid port: it has to be `host:port`")),
        }
    }

    /// Connects to the first address of the name that lets it, in the order of the system's
    /// preference. Each of them gets an equal share of the time that is left.
    pub(crate) async fn connect(
        &self,
        budget: &Budget,
        timeout: Duration,
    ) -> Result<TcpStream, Failure> {
        let begun_at = Instant::now();
        let step = format!("looking up {}", self.host);
        let lookup = self.resolver.lookup(&self.host, self.port);
        let addresses = budget
            .within(&step, lookup)
            .await?
            .map_err(|error| Failure::new(format!("{step}: {error}")))?;

        let mut faults = Vec::new();
        let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        for address in addresses {
            let spent = begun_at.elapsed();
            let share = spent + timeout.saturating_sub(spent) / left;
            left -= 1;
            let connecting = budget.within_share(share, address, TcpStream::connect(address));
            match connecting.await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => faults.push(format!("{address}: {error}")),
                Err(silence) => faults.push(silence.output().to_owned()),
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

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        match host.contains(':') {
            true => write!(f, "[{host}]:{port}"),
            false => write!(f, "{host}:{port}"),
        }
    }
}

/// Refuses what no resolver could look up: RFC 1035, section 2.3.4, has the longest name.
pub(crate) fn check_host(
    indicator: &str,
    setting: &'static str,
    host: &str,
) -> Result<(), IndicatorError> {
    let fault = if host.is_empty() {
        "has no host"
    } else if host.len() > 254 {
        "has a host of more than 253 characters"
    } else if host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@?#\\".contains(c)) {
        "has a host with characters that no host name has"
    } else {
        return Ok(());
    };
    Err(IndicatorError::new(indicator, setting, fault))
}
