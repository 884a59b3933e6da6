//! Whether an HTTP dependency answers as expected.

mod body;
mod boxed;
mod default_client;
mod error;
mod message;
mod run;
mod settings;
mod target;

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Buf;
use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body::Body;
use rustls::ClientConfig;
use tower_service::Service;

use self::boxed::{BoxError, Client, CloneClient};
use self::default_client::{DefaultClient, tls_config};
use self::target::Target;
use crate::indicators::shared::budget;
use crate::{CheckResult, ComponentType, Failure, HealthIndicator};

type Predicate = dyn Fn(&[u8]) -> Result<(), Failure> + Send + Sync;

/// Checks that an HTTP dependency answers as expected: an API, an internal service, a CDN.
///
/// A status from 200 to 299 passes. The check does not follow redirects, because a redirect is not
/// the resource: a login page that answers 200 would look healthy.
///
/// [`new`](Self::new) creates a client with one connection pool, which lives as long as the
/// indicator: HTTP/1.1 or HTTP/2, and TLS by rustls with the root certificates of the system. The
/// connection stays open between runs. [`with_client`](Self::with_client) uses the application's
/// own client instead, so that the check covers its pool, proxy and TLS settings.
///
/// The check reads the body to its end, up to [`body_limit`](Self::body_limit), because a connection
/// with an unread response cannot be reused. A body that breaks off is a failure. Use
/// [`head`](Self::head) for a resource that is long or endless. If the server closes the connection
/// instead of answering, as can happen to an idle pooled connection, the check sends the request
/// once more.
///
/// Failures and `Debug` show the URL without its query, and headers by name only.
///
/// | | |
/// |---|---|
/// | cost of a run | one request on a pooled connection |
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
    statuses: Vec<RangeInclusive<u16>>,
    predicate: Option<Box<Predicate>>,
    body_limit: usize,
    timeout: Duration,
}

/// Where to send requests, and by which client.
struct Endpoint {
    target: Target,
    client: Box<dyn Client>,
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
            Ok(tls) => Ok(DefaultClient::new(tls, budget::TIMEOUT)),
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
        let client = DefaultClient::new(tls, budget::TIMEOUT);
        Self::with(name.into(), url, |_| Ok(client))
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
        Self::with(name.into(), url, |_| Ok(CloneClient::new(client)))
    }

    fn with<C: Client + 'static>(
        name: String,
        url: &str,
        client: impl FnOnce(&Target) -> Result<C, String>,
    ) -> Self {
        let endpoint = Target::parse(url).and_then(|target| {
            let client = Box::new(client(&target)?);
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
            statuses: vec![200..=299],
            predicate: None,
            body_limit: 64 * 1024,
            timeout: budget::TIMEOUT,
        }
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
            .field("statuses", &self.statuses)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
