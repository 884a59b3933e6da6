//! Whether something accepts connections.

use std::time::{Duration, Instant};

use crate::indicators::IndicatorError;
use crate::indicators::shared::address::Address;
use crate::indicators::shared::budget::{self, Budget, answered_after};
use crate::{CheckResult, ComponentType, HealthIndicator};

/// Connects to `host:port`, and closes the connection at once.
///
/// For what has no indicator of its own. It shows that a port accepts connections and nothing
/// more: the kernel accepts them for a process that hangs. Unlike the other indicators it opens a
/// new connection for each run, because that is what it measures; a server that logs its
/// connections logs these too.
///
/// A host name is looked up by the system's resolver in each run. Its addresses are tried one
/// after the other, each for an equal share of the time, and one that accepts is enough.
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
/// let mail = TcpIndicator::new("mail", "smtp.internal:25")?;
/// let health = Health::builder().readiness(mail).start()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct TcpIndicator {
    name: String,
    address: Address,
    timeout: Duration,
}

impl TcpIndicator {
    /// An indicator that connects to `host:port` or `[IPv6 address]:port`.
    ///
    /// # Errors
    ///
    /// When the address has no host, or no port from 1 to 65535.
    pub fn new(name: impl Into<String>, address: &str) -> Result<Self, IndicatorError> {
        let name = name.into();
        let address = Address::parse(&name, address)?;
        Ok(Self {
            name,
            address,
            timeout: budget::TIMEOUT,
        })
    }

    /// How long a run may take, the lookup included; by default 2 s.
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
        let begun_at = Instant::now();
        let budget = Budget::start(self.timeout);
        let connection = self.address.connect(&budget, self.timeout).await?;
        drop(connection);
        Ok(answered_after(begun_at.elapsed()))
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
