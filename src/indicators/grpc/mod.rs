//! Whether a gRPC service reports that it is serving.

mod etcd;
mod message;

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::Body;
use tonic::body::Body as RequestBody;
use tonic::client::GrpcService;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::indicators::shared::budget::{self, Budget, answered_after};
use crate::indicators::shared::config;
use crate::{CheckResult, ComponentType, Failure, HealthIndicator};

/// A health response is two bytes long; a longer message is not one.
const MESSAGE_LIMIT: usize = 1024;

/// Checks that a gRPC service reports `SERVING` through [`grpc.health.v1`][protocol].
///
/// The request uses the application's own channel of tonic 0.14, and so its connection, TLS settings
/// and interceptors. A channel reconnects when the server closes the connection. It does not notice
/// a connection that the network dropped silently: set `Endpoint::http2_keep_alive_interval` and
/// `keep_alive_while_idle`, which the application needs as much as the check.
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
/// [`etcd`](Self::etcd), [`temporal`](Self::temporal) and [`qdrant`](Self::qdrant) know what these
/// servers serve.
///
/// # What it sends
///
/// One `Check` in each run, or for etcd one read, on the connection of the channel. 500 instances
/// with the default TTL send 100 a second.
///
/// # Verdicts
///
/// - pass: the server reports `SERVING`.
/// - fail: it reports anything else, or no answer comes within the time of the run. `NOT_FOUND`
///   means that it does not know the service. `UNIMPLEMENTED` means that nothing at this address
///   serves `grpc.health.v1`: a server without it, or a proxy that does not route it. The server
///   may run, but says nothing about its health.
///
/// A run never warns.
///
/// # What it cannot see
///
/// What the server leaves out of its own report: many report `SERVING` from their start to their
/// end, whatever becomes of their own dependencies.
///
/// A channel over several endpoints (`Channel::balance_list`) sends each call to one of them. The
/// check then sees one endpoint in each run: one of three that is sick fails about a third of the
/// runs, as it does of the application's calls, and a run that passes says nothing of the others.
/// Where each endpoint matters, register a check with a channel of its own for each, and make them
/// [`NonCritical`](crate::Criticality::NonCritical).
///
/// # Defaults
///
/// Timeout 2 s, TTL 5 s, critical, `componentType` `component`. Readings: `responseTime` in `ms`.
///
/// [protocol]: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
#[must_use = "an indicator does nothing until it is registered"]
pub struct GrpcIndicator<C> {
    name: String,
    call: Call,
    /// `Some` if a setting has no meaning for the server.
    fault: Option<String>,
    timeout: Duration,
    channel: C,
}

#[derive(Clone, Debug)]
enum Call {
    /// `Check` of `grpc.health.v1`, for this service.
    Check(String),
    EtcdRead,
}

impl<C> GrpcIndicator<C> {
    /// Creates an indicator for the server as a whole, which is the service with the empty name.
    ///
    /// `channel` is a `Channel` of tonic or a wrapper of one: an `InterceptedService`, tower layers.
    pub fn new(name: impl Into<String>, channel: C) -> Self {
        Self {
            name: name.into(),
            call: Call::Check(String::new()),
            fault: None,
            timeout: budget::TIMEOUT,
            channel,
        }
    }

    /// Creates an indicator for an etcd cluster: a read that a quorum has to answer, as
    /// `etcdctl endpoint health` sends it.
    ///
    /// etcd serves `grpc.health.v1` as well, but [reports `SERVING`][etcd health] while the cluster
    /// has no leader, so this indicator does not ask it. The read counts the key `health`, which
    /// need not exist, and passes too if this client may not read it: a member asks the quorum
    /// first. An alarm (no space left, corruption) does not fail reads, and so not this check; an
    /// [`HttpIndicator`] for `/health` on the same port sees it.
    ///
    /// [etcd health]: https://github.com/etcd-io/etcd/blob/main/server/etcdserver/api/v3rpc/health.go
    /// [`HttpIndicator`]: https://docs.rs/tower-health/latest/tower_health/indicators/struct.HttpIndicator.html
    pub fn etcd(name: impl Into<String>, channel: C) -> Self {
        Self {
            call: Call::EtcdRead,
            ..Self::new(name, channel)
        }
    }

    /// Creates an indicator for the frontend of a Temporal server.
    ///
    /// The frontend [knows no service with the empty name][temporal name], only
    /// `temporal.api.workflowservice.v1.WorkflowService`. It [reports `SERVING`][temporal start]
    /// once it has found the other services of the cluster, and until it shuts down; it does not
    /// look at its database or at history and matching again.
    ///
    /// [temporal name]: https://github.com/temporalio/temporal/issues/2096
    /// [temporal start]: https://github.com/temporalio/temporal/pull/3936
    pub fn temporal(name: impl Into<String>, channel: C) -> Self {
        Self::new(name, channel).service("temporal.api.workflowservice.v1.WorkflowService")
    }

    /// Creates an indicator for a Qdrant server, on its gRPC port (6334).
    ///
    /// Qdrant serves `grpc.health.v1` [since the end of 2023][qdrant health], and reports `SERVING`
    /// for as long as the process answers. Only `/readyz` on its HTTP port knows whether the node has
    /// caught up with its cluster: prefer an [`HttpIndicator`] where that port is within reach. With
    /// an API key configured, the server wants it for this call too: give a channel with the
    /// interceptor that adds it.
    ///
    /// [qdrant health]: https://github.com/qdrant/qdrant/pull/2738
    /// [`HttpIndicator`]: https://docs.rs/tower-health/latest/tower_health/indicators/struct.HttpIndicator.html
    pub fn qdrant(name: impl Into<String>, channel: C) -> Self {
        Self::new(name, channel)
    }

    /// Checks this service, by its full name: `package.Service`. Default: the server as a whole, and
    /// for Temporal its workflow service.
    ///
    /// `start()` reports it together with [`etcd`](Self::etcd), whose read is of no service. To ask
    /// what etcd reports of its services, use [`new`](Self::new).
    pub fn service(mut self, service: impl Into<String>) -> Self {
        match &mut self.call {
            Call::Check(checked) => *checked = service.into(),
            Call::EtcdRead => {
                let fault = "service has no meaning for etcd, which is sent a read: use new() to \
                             check one";
                self.fault = Some(fault.to_owned());
            }
        }
        self
    }

    /// Sets how long a run may take. Default: 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn step(&self) -> String {
        match &self.call {
            Call::Check(service) if service.is_empty() => "gRPC health of the server".to_owned(),
            Call::Check(service) => format!("gRPC health of {service}"),
            Call::EtcdRead => "read from etcd".to_owned(),
        }
    }
}

impl<C> GrpcIndicator<C>
where
    C: GrpcService<RequestBody> + Clone + Send + Sync + 'static,
    C::Future: Send,
    C::Error: Into<Box<dyn Error + Send + Sync>> + Send,
    C::ResponseBody: Body<Data = Bytes> + Send + 'static,
    <C::ResponseBody as Body>::Error: Into<Box<dyn Error + Send + Sync>> + Send,
{
    /// Makes the call, and returns why its answer is not a pass.
    async fn ask(&self) -> Result<(), String> {
        match &self.call {
            Call::Check(service) => {
                let mut client = HealthClient::new(self.channel.clone())
                    .max_decoding_message_size(MESSAGE_LIMIT);
                let request = HealthCheckRequest {
                    service: service.clone(),
                };
                let answer = client.check(request).await;
                let answer =
                    answer.map_err(|status| message::describe(&status, "grpc.health.v1"))?;
                message::fault(answer.get_ref().status).map_or(Ok(()), Err)
            }
            Call::EtcdRead => {
                let answer = etcd::read(self.channel.clone()).await;
                answer.map_err(|status| message::describe(&status, etcd::SERVICE))
            }
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
        config::validated(self)?;
        let begun_at = Instant::now();
        let step = self.step();
        let budget = Budget::start(self.timeout);
        match budget.within(&step, self.ask()).await? {
            Ok(()) => Ok(answered_after(begun_at.elapsed())),
            Err(fault) => Err(Failure::new(format!("{step}: {fault}"))),
        }
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }

    fn ttl(&self) -> Option<Duration> {
        Some(budget::TTL)
    }

    fn config_error(&self) -> Option<String> {
        self.fault.clone()
    }

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::Component)
    }
}

impl<C> fmt::Debug for GrpcIndicator<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcIndicator")
            .field("name", &self.name)
            .field("call", &self.call)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
