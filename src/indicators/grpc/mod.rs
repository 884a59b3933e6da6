//! Whether a gRPC service says that it serves.

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

/// The answer is two bytes long, and more of a message is of no use.
const MESSAGE_LIMIT: usize = 1024;

/// How much of the server's own words a failure repeats.
const TOLD: usize = 300;

/// Asks a gRPC service by [`grpc.health.v1`][protocol] whether it serves.
///
/// Only `SERVING` passes. It asks on the channel of the application, so that the check sees its
/// connection, TLS settings and interceptors. A channel makes its connection anew when the server
/// closed it. A connection that a network forgot is closed by nobody: the channel needs
/// `Endpoint::http2_keep_alive_interval` and `keep_alive_while_idle` to notice, for the sake of the
/// application as much as of the check.
///
/// | | |
/// |---|---|
/// | cost of a run | a call on the channel's connection |
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
#[must_use]
pub struct GrpcIndicator<C> {
    name: String,
    service: String,
    timeout: Duration,
    channel: C,
}

impl<C> GrpcIndicator<C> {
    /// An indicator that asks for the server as a whole, which is the service with the empty name.
    ///
    /// `channel` is tonic's `Channel`, or what wraps one: an `InterceptedService`, tower layers.
    pub fn new(name: impl Into<String>, channel: C) -> Self {
        Self {
            name: name.into(),
            service: String::new(),
            timeout: budget::TIMEOUT,
            channel,
        }
    }

    /// Asks for this service, by its full name: `package.Service`.
    pub fn service(mut self, service: impl Into<String>) -> Self {
        self.service = service.into();
        self
    }

    /// How long a run may take; by default 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn asked(&self) -> String {
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
        let asked = self.asked();
        let mut client =
            HealthClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT);
        let request = HealthCheckRequest {
            service: self.service.clone(),
        };
        let answer = Budget::start(self.timeout)
            .within(&asked, client.check(request))
            .await?
            .map_err(|status| Failure::new(format!("{asked}: {}", refusal(&status))))?;
        match fault(answer.get_ref().status) {
            None => Ok(answered_after(begun_at.elapsed())),
            Some(fault) => Err(Failure::new(format!("{asked}: {fault}"))),
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

/// What is wrong with a status that the server answered.
fn fault(status: i32) -> Option<String> {
    let fault = match ServingStatus::try_from(status) {
        Ok(ServingStatus::Serving) => return None,
        Ok(ServingStatus::NotServing) => "it says that it is NOT_SERVING".to_owned(),
        Ok(ServingStatus::Unknown) => "it says that its status is UNKNOWN".to_owned(),
        Ok(ServingStatus::ServiceUnknown) => {
            "it does not know this service (SERVICE_UNKNOWN)".to_owned()
        }
        Err(_) => format!("it says status {status}, which grpc.health.v1 does not have"),
    };
    Some(fault)
}

/// What a call that ended with an error means, with what the server or the channel said.
fn refusal(status: &Status) -> String {
    let meaning = match status.code() {
        Code::NotFound => "it does not know this service",
        Code::Unimplemented => "the server has no grpc.health.v1 service",
        Code::Unavailable => "the server is unreachable or going away",
        Code::DeadlineExceeded => "the server did not answer in time",
        Code::Cancelled => "the call was cut short",
        Code::Unauthenticated | Code::PermissionDenied => "the server does not let this client ask",
        Code::ResourceExhausted => "the server has too much to do",
        Code::OutOfRange => "the answer is too long for a health answer",
        _ => "the call failed",
    };
    let mut text = format!("{meaning} ({:?})", status.code());
    let said = iter::once(status.message().to_owned());
    let sources = iter::successors(status.source(), |&error| error.source()).take(8);
    for part in said.chain(sources.map(ToString::to_string)) {
        if !part.is_empty() && !text.ends_with(&part) {
            text.push_str(": ");
            text.extend(part.chars().take(TOLD));
        }
    }
    text
}
