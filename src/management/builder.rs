//! The settings of the management port.

use std::fmt;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;

use super::backlog::Backlog;
use super::error::{Fault, ManagementError};
#[cfg(feature = "__recorder")]
use super::history::Source;
use super::hosts::Hosts;
use super::listener::ManagementListener;
use super::recent::Recent;
use super::server::{self, ManagementServer};
use super::service::{ManagementService, Shared};
use super::streams::Streams;
use crate::layer::Details;
use crate::page::Pages;
#[cfg(feature = "__recorder")]
use crate::recorder::Archive;
use crate::{Health, HealthLayer};

/// How many connections are open at most, unless set otherwise.
const CONNECTIONS: usize = 128;

/// Sets up the management port of a health.
///
/// The [guide](crate::guides::management) has the table of routes and every limit.
///
/// ```
/// use std::net::TcpListener;
/// use tower_health::Health;
/// use tower_health::management::Management;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let health = Health::builder().start()?;
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let server = Management::new(&health)
///     .bearer("s3cret")
///     .allow_drain()
///     .serve(listener)?;
/// assert!(server.address().is_some());
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is served until `serve` or `service` is called"]
pub struct Management {
    health: Health,
    token: Option<String>,
    hosts: Hosts,
    /// The first setting that cannot work.
    fault: Option<String>,
    allows_remote: bool,
    allows_drain: bool,
    connections: usize,
    #[cfg(feature = "__recorder")]
    source: Option<Source>,
}

impl Management {
    /// Creates the settings with their defaults: loopback only, no token, no drain.
    pub fn new(health: &Health) -> Self {
        Self {
            health: health.clone(),
            token: None,
            hosts: Hosts::Known(Vec::new()),
            fault: None,
            allows_remote: false,
            allows_drain: false,
            connections: CONNECTIONS,
            #[cfg(feature = "__recorder")]
            source: None,
        }
    }

    /// Requires `Authorization: Bearer {token}` (RFC 6750, section 2.1) for everything but the status
    /// of the three probes. Default: no token.
    ///
    /// The time of the comparison does not depend on where a wrong token differs. With a token,
    /// `?exclude=` changes no status code, so that a credential never changes one.
    pub fn bearer(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Allows requests under this host name or address too, with any port.
    ///
    /// Without this call, only `localhost`, loopback addresses and the address that the client
    /// connected to are allowed, so that no web page can read the port by DNS rebinding. Requests
    /// under other hosts get 421, and probes their status only.
    pub fn allow_host(mut self, host: impl AsRef<str>) -> Self {
        if let Err(fault) = self.hosts.add(host.as_ref()) {
            self.fault.get_or_insert(fault);
        }
        self
    }

    /// Allows requests under every host, which gives up the defence against DNS rebinding.
    ///
    /// Use it only behind a token, or where no browser can reach the port.
    pub fn allow_any_host(mut self) -> Self {
        self.hosts = Hosts::Any;
        self
    }

    /// Allows a listener that other hosts can reach. Default: a loopback address is required.
    ///
    /// Kubernetes probes and a Prometheus on another host need it. Add a
    /// [token](Self::bearer), or a network policy.
    pub fn allow_remote(mut self) -> Self {
        self.allows_remote = true;
        self
    }

    /// Lets `POST /drain` begin a drain, as [`Health::drain`] does. It needs a [token](Self::bearer).
    /// Default: the path does not exist.
    pub fn allow_drain(mut self) -> Self {
        self.allows_drain = true;
        self
    }

    /// Lets `/history` reach back beyond memory, by what a recorder has written.
    ///
    /// Give it the [`Recorder`](crate::recorder::Recorder) of this health, or an
    /// [`Archive`](crate::recorder::Archive). Only a `since` that is before what memory covers asks
    /// the database, for 5 s at most and two requests at a time; others wait for their turn within
    /// these 5 s. If the database does not answer, the response has what memory covers and says why
    /// the rest is missing.
    ///
    /// Call it within the tokio runtime of a pool. An archive that has no pool is read on the thread
    /// of the port, so that it can be read even if the runtime of the application is blocked.
    ///
    /// ```
    /// # #[cfg(feature = "recorder-sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_health::Health;
    /// use tower_health::management::Management;
    /// use tower_health::recorder::Recorder;
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("health.db");
    /// let health = Health::builder().start()?;
    /// let recorder = Recorder::sqlite(path).start(&health)?;
    /// Management::new(&health).history(&recorder).serve_on("127.0.0.1:0")?;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "recorder-sqlite"))]
    /// # fn main() {}
    /// ```
    #[cfg(feature = "__recorder")]
    #[cfg_attr(
        docsrs,
        doc(cfg(any(feature = "recorder-sqlite", feature = "recorder-postgres")))
    )]
    pub fn history(mut self, archive: impl Into<Archive>) -> Self {
        match Source::new(archive.into()) {
            Ok(source) => self.source = Some(source),
            Err(fault) => {
                self.fault.get_or_insert(fault);
            }
        }
        self
    }

    /// Sets how many connections are open at most, from 8 to 10,000. Default: 128.
    ///
    /// One more ends the connection that has sent no request for the longest time. It holds for
    /// [`serve`](Self::serve) only.
    pub fn connections(mut self, most: usize) -> Self {
        self.connections = most;
        self
    }

    /// Serves on a thread with a runtime of its own, so that it answers even if every worker of the
    /// application's runtime is blocked.
    ///
    /// The thread ends with the last [`Health`], or when [`ManagementServer::stop`] is called. It does
    /// not keep the health alive. Dropping the returned value changes nothing.
    ///
    /// # Errors
    ///
    /// Returns an error if other hosts can reach the listener and that was not
    /// [allowed](Self::allow_remote), if an option cannot work, or if the system cannot start a thread
    /// or its event loop.
    pub fn serve(
        self,
        listener: impl Into<ManagementListener>,
    ) -> Result<ManagementServer, ManagementError> {
        let listener = listener.into();
        let address = listener.address();
        let address = address.map_err(ManagementError::io("the listener has no address"))?;
        if let Some(address) = address {
            self.check_reach(address)?;
        }
        let (connections, weak) = (self.connections, self.health.downgrade());
        let shared = self.shared()?;
        let service = ManagementService::new(Arc::new(shared));
        server::start(listener, address, service, weak, connections)
    }

    /// Binds this address and serves there, as [`serve`](Self::serve) does.
    ///
    /// # Errors
    ///
    /// Returns an error that names the address if it cannot be bound, and in the cases of
    /// [`serve`](Self::serve).
    pub fn serve_on(
        self,
        address: impl ToSocketAddrs + fmt::Display,
    ) -> Result<ManagementServer, ManagementError> {
        let listener = TcpListener::bind(&address);
        let what = || format!("cannot listen on {address}");
        let listener = listener.map_err(|error| ManagementError::io(what())(error))?;
        self.serve(listener)
    }

    /// Returns the port as a tower service, for a listener or a TLS acceptor of your own.
    ///
    /// Poll it in a runtime of tokio with a timer, which `/events` needs. The service does not
    /// keep the health alive: keep a [`Health`] for as long as it serves. Begin a graceful shutdown
    /// with [`Health::drain`], or drop the last [`Health`] first: an open `/events` ends after the
    /// drain delay, or with the health, and the server waits for it until then. The service does not
    /// know the address that a client connected to: [allow](Self::allow_host) the names and
    /// addresses that clients use. Time limits, caps and the reach of the listener are up to your
    /// server; the [guide](crate::guides::management) has an example.
    ///
    /// # Errors
    ///
    /// Returns an error if an option cannot work.
    pub fn service(self) -> Result<ManagementService, ManagementError> {
        let shared = Arc::new(self.shared()?);
        Ok(ManagementService::new(shared))
    }

    fn check_reach(&self, address: SocketAddr) -> Result<(), ManagementError> {
        let is_local = address.ip().to_canonical().is_loopback();
        if is_local || self.allows_remote {
            return Ok(());
        }
        Err(Fault::Remote(address).into())
    }

    fn shared(self) -> Result<Shared, ManagementError> {
        let option = |fault: &str| Err(Fault::Option(fault.to_owned()).into());
        if let Some(fault) = self.fault {
            return Err(Fault::Option(fault).into());
        }
        if self.allows_drain && self.token.is_none() {
            return option("`allow_drain` needs a bearer token");
        }
        if !(8..=10_000).contains(&self.connections) {
            return option("`connections` must be from 8 to 10000");
        }
        let token = self.token.map(Details::bearer);
        if let Some(token) = &token {
            token.check()?;
        }
        let shown = match token {
            // The token was looked at before; `?exclude=` must not change a status code.
            Some(_) => Details::when(|_| true),
            None => Details::always(),
        };
        Ok(Shared {
            plain: HealthLayer::detached(&self.health, Details::never())?,
            detailed: HealthLayer::detached(&self.health, shown)?,
            health: self.health.downgrade(),
            hosts: self.hosts,
            token,
            allows_drain: self.allows_drain,
            #[cfg(feature = "__recorder")]
            source: self.source,
            pages: Pages::default(),
            streams: Streams::default(),
            history: Recent::default(),
            backlog: Backlog::default(),
        })
    }
}

/// Leaves out the token.
impl fmt::Debug for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Management")
            .field("has_token", &self.token.is_some())
            .field("hosts", &self.hosts)
            .field("allows_remote", &self.allows_remote)
            .field("allows_drain", &self.allows_drain)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}
