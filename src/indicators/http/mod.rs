//! Whether an HTTP dependency answers as expected.

mod attempt;
mod body;
mod boxed;
mod error;
mod message;
mod own;
mod presets;
mod run;
mod settings;
mod target;

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Buf;
use http::header::{ACCEPT, USER_AGENT};
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use rustls::ClientConfig;
use tower_service::Service;

use self::boxed::{BoxError, CloneClient, Sender};
use self::own::{OwnClient, tls_config};
use self::target::Target;
use crate::indicators::shared::budget;
use crate::{CheckResult, ComponentType, Failure, HealthIndicator};

type Predicate = dyn Fn(&[u8]) -> CheckResult + Send + Sync;
type JudgeFn = dyn Fn(StatusCode, &[u8]) -> CheckResult + Send + Sync;

/// What judges the status and the body.
struct Judge {
    function: Box<JudgeFn>,
    /// The beginning of a body that is longer than the limit is as good as all of it.
    is_part_enough: bool,
}

/// Checks that an HTTP dependency answers as expected: an API, an internal service, a CDN.
///
/// [`new`](Self::new) creates a client of its own: HTTP/1.1 or HTTP/2, and TLS by rustls with the
/// root certificates of the system. [`with_client`](Self::with_client) uses the application's own
/// client instead, so that the check covers its pool, proxy and TLS settings.
///
/// For some servers there is a preset, which knows the path and the meaning of the answers:
/// [`elasticsearch`](Self::elasticsearch), [`vault`](Self::vault), [`consul`](Self::consul),
/// [`clickhouse`](Self::clickhouse), [`clickhouse_replica`](Self::clickhouse_replica),
/// [`openid_provider`](Self::openid_provider).
///
/// # What it sends
///
/// One GET for each run, or [HEAD](Self::head), over a connection that stays open between runs. It
/// reads the body to its end, up to [`body_limit`](Self::body_limit), because a connection with an
/// unread response cannot be used again. The connection is replaced after about a
/// [minute](Self::reconnect_after), so that the check follows a DNS failover.
///
/// No failure of a kept connection is believed: the server may have forgotten it, or a balancer may
/// have pinned it to the one backend that is sick. The request is repeated on a new connection when
/// the kept one fails, or is silent for half of the time. The first run, and each one after a failed
/// run, opens a new connection too, and a second one if that is closed or broken off, or answers 500–599
/// within half of the time: one sick backend of three then fails one such run of nine. So a run sends two requests at most, and opens two connections at most; with
/// [`openid_provider`](Self::openid_provider) it is four of each.
///
/// 500 instances send 100 requests a second at the default TTL. While the server answers, they open 8
/// connections a second, and keep 500; while it refuses or hangs, 100 connections a second, and while
/// it answers 500–599, 200 connections and requests a second.
///
/// A client of the application decides about its connections itself. The check repeats the request
/// only if the server closed the connection instead of answering (RFC 9112, section 9.3.1).
///
/// # Verdicts
///
/// - **pass**: a status from 200 to 299, or of [`statuses`](Self::statuses), and a body that the
///   [`body`](Self::body) function accepts; or whatever [`judge`](Self::judge) says.
/// - **warn**: a new connection and the kept one, or two new ones, disagree, and one of them passes. The text names
///   both: a backend among several may be sick, or the server may accept no more connections. Each
///   run in which they disagree warns, so a backend that flaps does not hide; the next run uses the
///   connection that passed. A new connection that fails is doubted for one more `reconnect_after`,
///   then it fails the check. A kept connection that was merely closed does not warn.
/// - **fail**: everything else. A redirect is not followed, because it is not the resource: a login
///   page that answers 200 would look healthy. A body that breaks off is a failure.
///
/// Failures and `Debug` show the URL without its query, or also without its path with
/// [`hide_path`](Self::hide_path), and headers by name only.
///
/// # What it cannot see
///
/// Whether the requests of the application succeed: other paths, other methods, other credentials.
/// Behind a balancer it sees one backend for about a minute, then perhaps another; and while that one
/// passes, it says nothing of the others. With [`with_client`](Self::with_client) it is pinned as the
/// application is. By way of a [proxy](Self::proxy) it cannot always tell which of two servers failed.
///
/// Of the addresses of a host, it tries those of the other IP version 300 ms after those of the
/// preferred one (RFC 8305), so a dead IPv6 route costs no verdict.
///
/// # Defaults
///
/// | | |
/// |---|---|
/// | cost of a run | one request on a kept connection |
/// | readings | `responseTime` in `ms`, until the end of the body |
/// | timeout, TTL | 2 s, 5 s |
/// | criticality | critical |
/// | component type | component |
///
/// ```
/// use tower_health::indicators::HttpIndicator;
/// use tower_health::{Check, Criticality, Health};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let token = "t";
/// let rates = HttpIndicator::new("rates", "http://rates.internal:8080/status")
///     .header("authorization", format!("Bearer {token}"))
///     .statuses([200..=200])
///     .body(|body| match body {
///         b"up" => Ok(()),
///         _ => Err("it does not say that it is up"),
///     });
/// let health = Health::builder()
///     .readiness(Check::new(rates).criticality(Criticality::NonCritical));
/// # Ok(())
/// # }
/// ```
#[must_use = "an indicator does nothing until it is registered"]
pub struct HttpIndicator {
    name: String,
    /// `Err` holds the configuration error.
    endpoint: Result<Endpoint, String>,
    method: Method,
    headers: HeaderMap,
    header_faults: Vec<String>,
    /// `Some` if others than the default ones pass.
    statuses: Option<Vec<RangeInclusive<u16>>>,
    predicate: Option<Box<Predicate>>,
    judge: Option<Judge>,
    follow: Option<Follow>,
    /// Settings that do not fit the client or the URL.
    faults: Vec<String>,
    body_limit: usize,
    timeout: Duration,
    /// The TLS settings of the application, rather than the root certificates of the system.
    has_own_tls: bool,
}

/// Where to send requests, and by which client.
struct Endpoint {
    target: Target,
    client: Client,
}

enum Client {
    Own(Box<OwnClient>),
    /// That of the application.
    Foreign(Box<dyn Sender>),
}

/// A second request, to a URL that the response to the first one names.
struct Follow {
    target: fn(&[u8]) -> Result<Target, Failure>,
    judge: fn(&[u8]) -> Result<(), Failure>,
}

impl HttpIndicator {
    /// Creates an indicator with a client of its own, which trusts the root certificates of the
    /// system.
    ///
    /// For an `https` URL it reads these from disk, once.
    ///
    /// `start()` reports a URL with a scheme other than `http` and `https`, without a host, with an
    /// impossible port, or with a user: put credentials into a [header](Self::header). It also
    /// reports a system without root certificates if the URL is `https`, as in an image built from
    /// scratch.
    pub fn new(name: impl Into<String>, url: &str) -> Self {
        let client = |target: &Target| match tls_config(&target.uri) {
            Ok(tls) => Ok(Client::own(tls)),
            Err(error) => Err(format!("tls cannot be set up: {error}")),
        };
        Self::with(name.into(), url, client)
    }

    /// Creates an indicator with a client of its own and these TLS settings of rustls 0.23: a
    /// private certificate authority, a client certificate.
    ///
    /// The indicator itself sets the protocols to negotiate: HTTP/2 and HTTP/1.1. `start()` reports
    /// the same URLs as for [`new`](Self::new).
    pub fn with_tls(name: impl Into<String>, url: &str, tls: ClientConfig) -> Self {
        let mut indicator = Self::with(name.into(), url, |_| Ok(Client::own(tls)));
        indicator.has_own_tls = true;
        indicator
    }

    /// Creates an indicator that sends its requests with the application's own client.
    ///
    /// The client is any cloneable tower service for HTTP requests: hyper-util's `Client`, a stack
    /// of tower layers around one, a `tower::service_fn`. Its bodies may be of any type, as long as
    /// the request body has a default, which must be the empty body. It should not follow redirects.
    /// `start()` reports the same URLs as for [`new`](Self::new).
    pub fn with_client<C, R, B>(name: impl Into<String>, url: &str, client: C) -> Self
    where
        C: Service<Request<R>, Response = Response<B>> + Clone + Send + 'static,
        C::Future: Send,
        C::Error: Into<BoxError>,
        R: Default + 'static,
        B: Body + Send + 'static,
        B::Data: Buf,
        B::Error: Into<BoxError>,
    {
        let client = Client::Foreign(Box::new(CloneClient::new(client)));
        Self::with(name.into(), url, |_| Ok(client))
    }

    fn with(
        name: String,
        url: &str,
        client: impl FnOnce(&Target) -> Result<Client, String>,
    ) -> Self {
        let endpoint = Target::parse(url).and_then(|target| {
            let client = client(&target)?;
            Ok(Endpoint { target, client })
        });
        let agent = concat!("tower-health/", env!("CARGO_PKG_VERSION"));
        let headers = [
            (USER_AGENT, HeaderValue::from_static(agent)),
            (ACCEPT, HeaderValue::from_static("*/*")),
        ];
        Self {
            name,
            endpoint,
            method: Method::GET,
            headers: HeaderMap::from_iter(headers),
            header_faults: Vec::new(),
            statuses: None,
            predicate: None,
            judge: None,
            follow: None,
            faults: Vec::new(),
            body_limit: 64 * 1024,
            timeout: budget::TIMEOUT,
            has_own_tls: false,
        }
    }
}

impl Endpoint {
    /// For a URL of `http` whose answers lead to one of `https`.
    fn trust_system_beyond_http(&mut self) {
        match &mut self.client {
            Client::Own(client) if self.target.uri.scheme() == Some(&Scheme::HTTP) => {
                client.trust_system();
            }
            _ => {}
        }
    }
}

impl Client {
    fn own(tls: ClientConfig) -> Self {
        Self::Own(Box::new(OwnClient::new(tls)))
    }
}

impl HealthIndicator for HttpIndicator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        self.run().await
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }

    fn ttl(&self) -> Option<Duration> {
        Some(budget::TTL)
    }

    fn config_error(&self) -> Option<String> {
        self.fault()
    }

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::Component)
    }
}

impl fmt::Debug for HttpIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match &self.endpoint {
            Ok(endpoint) => endpoint.target.to_string(),
            Err(fault) => fault.clone(),
        };
        f.debug_struct("HttpIndicator")
            .field("name", &self.name)
            .field("method", &self.method)
            .field("url", &url)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("proxy", &self.proxy_shown())
            .field("statuses", &self.passing())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
