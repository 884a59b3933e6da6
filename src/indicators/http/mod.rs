//! Whether an HTTP dependency answers as it should.

mod body;
mod boxed;
mod default_client;
mod error;
mod message;
mod run;
mod target;

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Buf;
use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body::Body;
use rustls::ClientConfig;
use tower_service::Service;

use self::boxed::{BoxError, Client, CloneClient};
use self::default_client::DefaultClient;
use self::target::Target;
use crate::indicators::IndicatorError;
use crate::indicators::shared::budget;
use crate::{CheckResult, ComponentType, Failure, HealthIndicator};

type Predicate = dyn Fn(&[u8]) -> Result<(), Failure> + Send + Sync;

/// Asks an HTTP dependency: an API, an internal service, a CDN.
///
/// A status from 200 to 299 passes. Redirects are not followed: a redirect is not the resource, and
/// a login page that answers 200 would look healthy.
///
/// [`new`](Self::new) makes a client of its own with one pool of connections, which lives as long
/// as the indicator: HTTP/1.1 or HTTP/2, TLS by rustls with the root certificates of the system.
/// The connection stays open between the runs. [`with_client`](Self::with_client) takes the
/// client of the application instead, so that the check sees its pool, proxy and TLS settings.
///
/// The body is read to its end, up to [`body_limit`](Self::body_limit), as a connection whose
/// answer was left unread cannot be used again; a body that breaks off is a failure. For a
/// resource that is long or endless use [`head`](Self::head). When the server closes the
/// connection instead of answering, as it may when the connection waited in the pool, the request
/// is sent once more.
///
/// URLs are shown without their query, headers by their names only.
///
/// | | |
/// |---|---|
/// | cost of a run | a request on a pooled connection |
/// | readings | `responseTime` in `ms`: until the end of the body |
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
/// let rates = HttpIndicator::new("rates", "http://rates.internal:8080/status")?
///     .header("authorization", format!("Bearer {token}"))?
///     .statuses([200..=200])?
///     .body(|body| match body {
///         b"up" => Ok(()),
///         _ => Err("it does not say that it is up"),
///     })?;
/// let health = Health::builder()
///     .readiness(Check::new(rates).criticality(Criticality::NonCritical));
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct HttpIndicator {
    name: String,
    target: Target,
    method: Method,
    headers: HeaderMap,
    statuses: Vec<RangeInclusive<u16>>,
    predicate: Option<Box<Predicate>>,
    body_limit: usize,
    timeout: Duration,
    client: Box<dyn Client>,
}

impl HttpIndicator {
    /// An indicator with a client of its own that trusts the root certificates of the system.
    ///
    /// For an `https` URL it reads them from disk, once.
    ///
    /// # Errors
    ///
    /// When the URL has another scheme than `http` and `https`, no host, an impossible port, or a
    /// user in it: credentials go into a [header](Self::header). When the system has no root
    /// certificates and the URL is `https`, as in an image built from nothing.
    pub fn new(name: impl Into<String>, url: &str) -> Result<Self, IndicatorError> {
        let name = name.into();
        let target = Target::parse(&name, url)?;
        let tls = default_client::tls_of(&target.uri).map_err(|error| {
            IndicatorError::new(&name, "tls", format!("is not set up: {error}"))
        })?;
        Ok(Self::of(
            name,
            target,
            DefaultClient::new(tls, budget::TIMEOUT),
        ))
    }

    /// An indicator with a client of its own and these TLS settings: a private authority, a client
    /// certificate.
    ///
    /// The protocols to negotiate are set by the indicator: HTTP/2 and HTTP/1.1.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_tls(
        name: impl Into<String>,
        url: &str,
        tls: ClientConfig,
    ) -> Result<Self, IndicatorError> {
        let name = name.into();
        let target = Target::parse(&name, url)?;
        Ok(Self::of(
            name,
            target,
            DefaultClient::new(tls, budget::TIMEOUT),
        ))
    }

    /// An indicator that asks with the client of the application.
    ///
    /// Any cloneable tower service over HTTP requests fits, whatever its bodies are, if the body of
    /// its requests has a default, which is the empty one: hyper-util's `Client`, a stack of tower
    /// layers around one, a `tower::service_fn`. It should not follow redirects.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new), root certificates aside.
    pub fn with_client<C, R, B>(
        name: impl Into<String>,
        url: &str,
        client: C,
    ) -> Result<Self, IndicatorError>
    where
        C: Service<Request<R>, Response = Response<B>> + Clone + Send + 'static,
        C::Future: Send,
        C::Error: Into<BoxError>,
        R: Default + 'static,
        B: Body + Send + 'static,
        B::Data: Buf,
        B::Error: Into<BoxError>,
    {
        let name = name.into();
        let target = Target::parse(&name, url)?;
        Ok(Self::of(name, target, CloneClient::new(client)))
    }

    fn of(name: String, target: Target, client: impl Client + 'static) -> Self {
        let agent = concat!("tower-health/", env!("CARGO_PKG_VERSION"));
        let headers = [
            (USER_AGENT, HeaderValue::from_static(agent)),
            (ACCEPT, HeaderValue::from_static("*/*")),
        ];
        Self {
            name,
            target,
            method: Method::GET,
            headers: HeaderMap::from_iter(headers),
            statuses: vec![200..=299],
            predicate: None,
            body_limit: 64 * 1024,
            timeout: budget::TIMEOUT,
            client: Box::new(client),
        }
    }

    /// Asks with HEAD instead of GET.
    ///
    /// # Errors
    ///
    /// When there is a [`body`](Self::body) predicate, which would have no body to look at.
    pub fn head(mut self) -> Result<Self, IndicatorError> {
        self.method = Method::HEAD;
        self.checked()
    }

    /// The statuses that pass, instead of 200 to 299.
    ///
    /// # Errors
    ///
    /// When there is none, or one that is not between 200 and 599: a client never sees others.
    pub fn statuses(
        mut self,
        statuses: impl IntoIterator<Item = RangeInclusive<u16>>,
    ) -> Result<Self, IndicatorError> {
        self.statuses = statuses.into_iter().collect();
        let is_possible =
            |range: &RangeInclusive<u16>| *range.start() >= 200 && *range.end() <= 599;
        let fault = if self.statuses.iter().all(RangeInclusive::is_empty) {
            "has no status that could pass"
        } else if !self.statuses.iter().all(is_possible) {
            "has a status that is not between 200 and 599"
        } else {
            return Ok(self);
        };
        Err(IndicatorError::new(&self.name, "statuses", fault))
    }

    /// Sends this header with each request, instead of one of the same name.
    ///
    /// Its value is treated as a secret: nothing shows it.
    ///
    /// # Errors
    ///
    /// When name or value is not one that HTTP allows.
    pub fn header<K, V>(mut self, name: K, value: V) -> Result<Self, IndicatorError>
    where
        K: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        let fault = |fault: &str| IndicatorError::new(&self.name, "header", fault);
        let name = name
            .try_into()
            .map_err(|_| fault("has a name that HTTP does not allow"))?;
        let mut value = value
            .try_into()
            .map_err(|_| fault(&format!("{name} has a value that HTTP does not allow")))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Passes only if this function says so of the body. Its error becomes part of the failure.
    ///
    /// # Errors
    ///
    /// When the request is a [`head`](Self::head), the answer to which has no body.
    pub fn body<E: Into<Failure>>(
        mut self,
        predicate: impl Fn(&[u8]) -> Result<(), E> + Send + Sync + 'static,
    ) -> Result<Self, IndicatorError> {
        self.predicate = Some(Box::new(move |body| predicate(body).map_err(Into::into)));
        self.checked()
    }

    /// How much of a body is read; by default 64 KiB.
    ///
    /// With a predicate, a longer body is a failure. Without one it passes; the rest is left
    /// unread, and over HTTP/1.1 the next run needs a new connection.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// How long a run may take, from the lookup to the end of the body; by default 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self.client.set_timeout(timeout);
        self
    }

    fn checked(self) -> Result<Self, IndicatorError> {
        if self.method == Method::HEAD && self.predicate.is_some() {
            let fault = "has nothing to look at: the answer to a HEAD request has no body";
            return Err(IndicatorError::new(&self.name, "body", fault));
        }
        Ok(self)
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

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::Component)
    }
}

impl fmt::Debug for HttpIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpIndicator")
            .field("name", &self.name)
            .field("method", &self.method)
            .field("url", &self.target.to_string())
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("statuses", &self.statuses)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
