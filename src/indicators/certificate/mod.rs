//! How long a certificate is still valid.

mod chain;
mod file;
mod server;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use self::chain::{Limits, judge};
use self::file::PemFile;
use self::server::Server;
use crate::indicators::IndicatorError;
use crate::indicators::shared::budget::{self, Budget};
use crate::{CheckResult, ComponentType, Criticality, HealthIndicator};

/// Short enough that a renewal is seen soon, and a thousand times what a date needs.
const TTL: Duration = Duration::from_secs(60);

/// Looks when a certificate expires: that of a PEM file, or the one that a server presents.
///
/// It warns when less than 14 days are left and fails when the certificate has expired or is not
/// valid yet. Of a chain it takes the certificate that expires first. It reads dates only, and
/// verifies neither signatures nor names: whether clients accept the certificate is shown by
/// [`HttpIndicator`](super::HttpIndicator) (feature `http-client`).
///
/// Each run reads the file or asks the server anew, so that a renewal is seen within a TTL and
/// without a restart. The clock is that of the system.
///
/// It is not critical by default: a certificate expires on all instances in the same second, and
/// taking all of them out of traffic helps nobody.
///
/// | | |
/// |---|---|
/// | cost of a run | a small file on the blocking pool; or a TLS handshake |
/// | readings | `daysLeft` in `d`: whole days, negative when expired |
/// | timeout, TTL | 2 s, 60 s |
/// | criticality | not critical |
/// | component type | component |
///
/// ```no_run
/// use tower_health::Health;
/// use tower_health::indicators::CertificateIndicator;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let own = CertificateIndicator::from_file("certificate", "/etc/tls/tls.crt")?
///     .days_left(21, 2)?;
/// let partner = CertificateIndicator::of_server("partner", "api.example.com:443", "api.example.com")?;
/// let health = Health::builder().readiness(own).readiness(partner);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct CertificateIndicator {
    name: String,
    limits: Limits,
    timeout: Duration,
    source: Source,
}

#[derive(Debug)]
enum Source {
    File(PemFile),
    Server(Box<Server>),
}

impl CertificateIndicator {
    /// An indicator for the certificates of a PEM file, among which a private key may be.
    ///
    /// The file is read here once, blocking.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or has no certificate in it or one that is damaged.
    pub fn from_file(
        name: impl Into<String>,
        path: impl Into<PathBuf>,
    ) -> Result<Self, IndicatorError> {
        let name = name.into();
        let file = PemFile::new(path.into());
        file.read_blocking()
            .map_err(|fault| IndicatorError::new(&name, "path", fault))?;
        Ok(Self::of(name, Source::File(file)))
    }

    /// An indicator for the certificates that the server at `host:port` presents to a client that
    /// asks for `server_name`.
    ///
    /// It does a TLS handshake, sends no data and says goodbye. It accepts every certificate, as
    /// one that has expired is just what it has to see. That is safe because nothing is trusted in
    /// return: no secret is sent, nothing the server says is used, and the connection serves no
    /// other end. Whoever can redirect the connection can show another date, and so hide an expired
    /// certificate from this check; the clients of the server would not be fooled.
    ///
    /// A server that wants a certificate of its clients shows its own before that.
    ///
    /// # Errors
    ///
    /// When the address has no host or no port, or the server name is neither a DNS name nor an IP
    /// address.
    pub fn of_server(
        name: impl Into<String>,
        address: &str,
        server_name: &str,
    ) -> Result<Self, IndicatorError> {
        let name = name.into();
        let server = Server::new(&name, address, server_name)?;
        Ok(Self::of(name, Source::Server(Box::new(server))))
    }

    fn of(name: String, source: Source) -> Self {
        Self {
            name,
            limits: Limits { warn: 14, fail: 0 },
            timeout: budget::TIMEOUT,
            source,
        }
    }

    /// Warns when fewer than `warn` days are left and fails when fewer than `fail` are; by default
    /// 14 and 0. With 0 it fails when the certificate has expired.
    ///
    /// # Errors
    ///
    /// When `fail` is beyond `warn`, so that it would never warn.
    pub fn days_left(mut self, warn: u32, fail: u32) -> Result<Self, IndicatorError> {
        if fail > warn {
            let fault = format!("fails below {fail} days, before it would warn below {warn}");
            return Err(IndicatorError::new(&self.name, "days_left", fault));
        }
        self.limits = Limits { warn, fail };
        Ok(self)
    }

    /// How long a run may take; by default 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl HealthIndicator for CertificateIndicator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        let budget = Budget::start(self.timeout);
        let (place, chain) = match &self.source {
            Source::File(file) => (file.to_string(), file.read(&budget).await?),
            Source::Server(server) => {
                (server.to_string(), server.ask(&budget, self.timeout).await?)
            }
        };
        judge(&place, &chain, self.limits, SystemTime::now())
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }

    fn ttl(&self) -> Option<Duration> {
        Some(TTL)
    }

    fn criticality(&self) -> Criticality {
        Criticality::NonCritical
    }

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::Component)
    }
}
