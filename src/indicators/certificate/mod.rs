//! How long a certificate remains valid.

mod chain;
mod file;
mod path;
mod server;
mod store;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use self::chain::{Limits, Validity, dates, has_doubtful_issuer, judge, seconds};
use self::file::PemFile;
use self::path::needed;
use self::server::Server;
use self::store::Store;
use crate::indicators::shared::budget::{self, Budget};
use crate::indicators::shared::config;
use crate::indicators::shared::note::warned;
use crate::{CheckResult, ComponentType, Criticality, Failure, HealthIndicator};

/// Short enough to notice a renewal soon; a date needs no more.
const TTL: Duration = Duration::from_secs(60);

/// Checks when a certificate expires: one in a PEM file, or the one that a server presents.
///
/// The check reads dates only. It verifies neither signatures nor names: to check that clients accept
/// the certificate, use [`HttpIndicator`](super::HttpIndicator) (feature `http-client`).
///
/// # What it sends
///
/// [`from_file`](Self::from_file) reads a small file. [`from_server`](Self::from_server) looks up the
/// host, connects, performs a TLS handshake without sending data, and closes the connection, again in
/// each run, so it notices a renewal within a TTL. 500 instances cost the server 8 handshakes a
/// second. If a certificate above the first one is doubtful, the run also reads the certificates that
/// the system trusts.
///
/// # Verdicts
///
/// - **pass**: all certificates of the chain that clients need are valid for 14 more days.
/// - **warn**: one of them is valid for less than 14 days; or the host was not looked up in half of
///   the time, and its previous addresses were used, once; or a certificate above the first one has
///   expired, and what the system trusts, which may make it needless, could not be read in time, in
///   no run yet.
/// - **fail**: one of them has expired or is not valid yet, or less than
///   [`fail_below_days`](Self::fail_below_days) are left; the file cannot be read; the server cannot
///   be reached or presents no certificate.
///
/// The certificate that expires first counts. One that the system of this instance trusts by itself,
/// by name and key, is not needed, and neither are those above it (RFC 5280, section 6.1.1): servers
/// keep sending roots that an older authority signed across after these have expired. Of several
/// certificates for the same name and key, the one that is valid for longest counts, because clients
/// need no more than one path (RFC 8446, section 4.4.2). The first certificate always counts.
///
/// It is not critical by default: a certificate expires on all instances in the same second, and
/// removing all of them from the load balancer helps no client.
///
/// # What it cannot see
///
/// Whether clients accept the certificate: its names, its signatures, whether it was revoked. Clients
/// that trust other authorities than this instance may need a certificate that this check does not
/// count. Of several servers behind one name it sees one for each run. The clock is that of the
/// system.
///
/// # Defaults
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
/// let own = CertificateIndicator::from_file("certificate", "/etc/tls/tls.crt")
///     .warn_below_days(21)
///     .fail_below_days(2);
/// let partner = CertificateIndicator::from_server("partner", "api.example.com:443");
/// let health = Health::builder().readiness(own).readiness(partner);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "an indicator does nothing until it is registered"]
pub struct CertificateIndicator {
    name: String,
    limits: Limits,
    timeout: Duration,
    /// `Err` holds the configuration error.
    source: Result<Source, String>,
    store: Store,
}

#[derive(Debug)]
enum Source {
    File(PemFile),
    Server(Box<Server>),
}

impl CertificateIndicator {
    /// Creates an indicator for the certificates of a PEM file, which may also contain a private key.
    ///
    /// It reads the file once, at once and blocking. `start()` reports a file that cannot be read,
    /// or that has no certificate or a damaged one.
    pub fn from_file(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        let file = PemFile::new(path.into());
        let source = match file.read_blocking() {
            Ok(_) => Ok(Source::File(file)),
            Err(fault) => Err(format!("path {fault}")),
        };
        Self::new(name.into(), source)
    }

    /// Creates an indicator for the certificates that the server at `host:port` presents.
    ///
    /// The TLS handshake requests the certificate of `host`, unless
    /// [`server_name`](Self::server_name) is set. The run sends no data and closes the connection.
    ///
    /// The handshake accepts every certificate, because the check has to see expired ones. That is
    /// safe: the run sends no secret, uses nothing that the server sends, and shares the connection
    /// with nothing else. An attacker who can redirect the connection can present another date and
    /// so hide an expired certificate from this check, but not from the clients of the server.
    ///
    /// A server that requires client certificates presents its own first.
    ///
    /// `start()` reports an address without a host or a port.
    pub fn from_server(name: impl Into<String>, address: &str) -> Self {
        let source = Server::new(address).map(|server| Source::Server(Box::new(server)));
        Self::new(name.into(), source)
    }

    fn new(name: String, source: Result<Source, String>) -> Self {
        Self {
            name,
            limits: Limits { warn: 14, fail: 0 },
            timeout: budget::TIMEOUT,
            source,
            store: Store::default(),
        }
    }

    /// Judges the certificates of the chain that clients need.
    async fn judge(
        &self,
        source: &str,
        chain: Vec<Validity>,
        budget: &Budget,
        now: i64,
    ) -> CheckResult {
        let chain = needed(chain, &[], now);
        if !has_doubtful_issuer(&chain, self.limits, now) {
            return judge(source, &chain, self.limits, now);
        }
        let unread = match self.store.anchors(budget).await {
            Ok(anchors) => {
                let chain = needed(chain, &anchors, now);
                return judge(source, &chain, self.limits, now);
            }
            Err(failure) => failure,
        };
        // Clients need the first one in any case.
        let first = judge(source, &chain[..1], self.limits, now)?;
        match judge(source, &chain, self.limits, now) {
            Ok(seen) => Ok(seen),
            Err(failure) => {
                let text = format!("{failure}; clients may not need it ({unread})");
                Ok(warned(&first, &text))
            }
        }
    }

    /// Sets the name that the TLS handshake with a server requests. Default: the host of its address.
    ///
    /// It is a DNS name or an IP address. A file has no use for it.
    pub fn server_name(mut self, server_name: &str) -> Self {
        if let Ok(Source::Server(server)) = &mut self.source {
            server.set_server_name(server_name);
        }
        self
    }

    /// Warns while fewer than this number of days is left. Default: 14.
    pub fn warn_below_days(mut self, days: u32) -> Self {
        self.limits.warn = days;
        self
    }

    /// Fails while fewer than this number of days is left. Default: 0, which fails once the
    /// certificate has expired.
    ///
    /// It must be at most the limit that warns.
    pub fn fail_below_days(mut self, days: u32) -> Self {
        self.limits.fail = days;
        self
    }

    /// Sets how long a run may take. Default: 2 s.
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
        config::validated(self)?;
        let budget = Budget::start(self.timeout);
        let (source, chain, note) = match config::parsed(&self.source)? {
            Source::File(file) => (file.to_string(), file.read(&budget).await?, None),
            Source::Server(server) => {
                let (chain, note) = server.fetch(&budget, self.timeout).await?;
                let named = |fault| Failure::new(format!("{server}: {fault}"));
                (server.to_string(), dates(&chain).map_err(named)?, note)
            }
        };
        let now = seconds(SystemTime::now())?;
        let seen = self.judge(&source, chain, &budget, now).await?;
        Ok(match note {
            Some(note) => warned(&seen, &note),
            None => seen,
        })
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

    fn config_error(&self) -> Option<String> {
        let source = match &self.source {
            Ok(Source::File(_)) => None,
            Ok(Source::Server(server)) => server.config_error(),
            Err(fault) => Some(fault.clone()),
        };
        let Limits { warn, fail } = self.limits;
        let limits = (fail > warn).then(|| {
            format!(
                "warn_below_days is {warn}, which is beyond fail_below_days at {fail}: \
                 the check would never warn"
            )
        });
        config::join([source, limits])
    }

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::Component)
    }
}
