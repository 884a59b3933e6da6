//! Whether a gRPC service reports that it is serving.

use std::error::Error;
use std::fmt;
use std::iter;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::Body;
use tonic::body::Body as RequestBody;
use tonic::client::GrpcService;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::indicators::shared::budget::{self, Budget, answered_after};
use crate::{CheckResult, ComponentType, Failure, HealthIndicator};

/// A health response is two bytes long; a longer message is not one.
const MESSAGE_LIMIT: usize = 1024;

/// How many characters of each error message a failure repeats.
const QUOTED: usize = 300;

/// Checks that a gRPC service reports `SERVING` through [`grpc.health.v1`][protocol].
///
/// The request uses the application's own channel of tonic 0.14, and so its connection, TLS settings
/// and interceptors. A channel reconnects when the server closes the connection. It does not notice
/// a connection that the network dropped silently: set `Endpoint::http2_keep_alive_interval` and
/// `keep_alive_while_idle`, which the application needs as much as the check.
///
/// | | |
/// |---|---|
/// | cost of a run | one call on the connection of the channel |
/// | readings | `responseTime` in `ms` |
/// | timeout, TTL | 2 s, 5 s |
/// | criticality | critical |
/// | component type | component |
///
/// ```
/// # use std::convert::Infallible;
/// use tower_health::Health;
/// use tower_health::indicators::GrpcIndicator;
///
/// # fn of(channel: tonic::transport::Channel) {
/// // let channel = Endpoint::from_static("http://orders.internal:50051").connect_lazy();
/// let orders = GrpcIndicator::new("orders", channel).service("shop.Orders");
/// let health = Health::builder().readiness(orders);
/// # }
/// ```
///
/// [protocol]: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
#[must_use = "an indicator does nothing until it is registered"]
pub struct GrpcIndicator<C> {
    name: String,
    service: String,
    timeout: Duration,
    channel: C,
}

impl<C> GrpcIndicator<C> {
    /// Creates an indicator for the server as a whole, which is the service with the empty name.
    ///
    /// `channel` is a `Channel` of tonic or a wrapper of one: an `InterceptedService`, tower layers.
    pub fn new(name: impl Into<String>, channel: C) -> Self {
        Self {
            name: name.into(),
            service: String::new(),
            timeout: budget::TIMEOUT,
            channel,
        }
    }

    /// Checks this service, by its full name: `package.Service`.
    pub fn service(mut self, service: impl Into<String>) -> Self {
        self.service = service.into();
        self
    }

    /// Sets how long a run may take. Default: 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn step(&self) -> String {
        match self.service.as_str() {
            "" => "gRPC health of the server".to_owned(),
            service => format!("gRPC health of {service}"),
        }
    }
}

impl<C> HealthIndicator for GrpcIndicator<C>
where
    C: GrpcService<RequestBody> + Clone + Send + Sync + 'static,
    C::Future: Send,
    C::Error: Into<Box<dyn Error + Send + Sync>> + Send,
    C::ResponseBody: Body<Data = Bytes> + Send + 'static,
    <C::ResponseBody as Body>::Error: Into<Box<dyn Error + Send + Sync>> + Send,
{
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        let begun_at = Instant::now();
        let step = self.step();
        let mut client =
            HealthClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT);
        let request = HealthCheckRequest {
            service: self.service.clone(),
        };
        let response = Budget::start(self.timeout)
            .within(&step, client.check(request))
            .await?
            .map_err(|status| Failure::new(format!("{step}: {}", describe(&status))))?;
        match fault(response.get_ref().status) {
            None => Ok(answered_after(begun_at.elapsed())),
            Some(fault) => Err(Failure::new(format!("{step}: {fault}"))),
        }
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

impl<C> fmt::Debug for GrpcIndicator<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcIndicator")
            .field("name", &self.name)
            .field("service", &self.service)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Why a status that the server reported is not a pass; `None` if it is.
fn fault(status: i32) -> Option<String> {
    let fault = match ServingStatus::try_from(status) {
        Ok(ServingStatus::Serving) => return None,
        Ok(ServingStatus::NotServing) => "the server reports NOT_SERVING".to_owned(),
        Ok(ServingStatus::Unknown) => "the server reports UNKNOWN".to_owned(),
        Ok(ServingStatus::ServiceUnknown) => {
            "the server does not know this service (SERVICE_UNKNOWN)".to_owned()
        }
        Err(_) => {
            format!("the server reports status {status}, which grpc.health.v1 does not define")
        }
    };
    Some(fault)
}

/// Describes a call that ended with an error: its meaning, its code and the messages of server and
/// channel.
fn describe(status: &Status) -> String {
    let meaning = match status.code() {
        Code::NotFound => "the server does not know this service",
        Code::Unimplemented => "the server has no grpc.health.v1 service",
        Code::Unavailable => "the server is unreachable or going away",
        Code::DeadlineExceeded => "the server did not answer in time",
        Code::Cancelled => "the call was cancelled",
        Code::Unauthenticated | Code::PermissionDenied => {
            "the server does not allow this client to check its health"
        }
        Code::ResourceExhausted => "the server is overloaded",
        Code::OutOfRange => "the response is too long for a health response",
        _ => "the call failed",
    };
    let mut text = format!("{meaning} ({:?})", status.code());
    let message = iter::once(status.message().to_owned());
    let sources = iter::successors(status.source(), |&error| error.source()).take(8);
    for part in message.chain(sources.map(ToString::to_string)) {
        if !part.is_empty() && !text.ends_with(&part) {
            text.push_str(": ");
            text.extend(part.chars().take(QUOTED));
        }
    }
    text
}
