//! Requests in flight: a layer counts them, an indicator compares the count with limits.

mod layer;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use self::layer::{InFlightBody, InFlightFuture, InFlightLayer, InFlightService};
use crate::indicators::shared::config;
use crate::indicators::shared::findings::{Findings, rounded};
use crate::indicators::shared::limits::Limits;
use crate::{CheckResult, ComponentType, HealthIndicator};

/// Checks the number of requests in flight, which its [layer](Self::layer) counts.
///
/// An overloaded instance leaves the load balancer before it collapses. But the other instances
/// then receive its requests: if every instance fails at once, no instance serves. Choose the limits
/// for one instance with that in mind. The check does not refuse requests; for a strict limit add
/// `tower::limit` or load shedding.
///
/// ```
/// use axum::{Router, routing::get};
/// use tower_health::indicators::InFlightIndicator;
/// use tower_health::{Health, HealthLayer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let in_flight = InFlightIndicator::new("in-flight")
///     .warn_above(800)
///     .fail_above(1_000);
/// let app: Router = Router::new()
///     .route("/", get(|| async { "hello" }))
///     .layer(in_flight.layer());
///
/// let health = Health::builder().readiness(in_flight).start()?;
/// let app = app.layer(HealthLayer::new(health)); // the last call: outermost
/// # drop(app);
/// # Ok(())
/// # }
/// ```
///
/// # What it sends
///
/// Nothing. A run reads one counter. A request costs two atomic additions and no allocation. 500
/// instances cost other machines nothing.
///
/// # Verdicts
///
/// - It fails while more requests are in flight than [`fail_above`](Self::fail_above).
/// - It warns while more are than [`warn_above`](Self::warn_above).
/// - It passes otherwise, and always until it has a limit.
///
/// A request counts from `call` until the body of its response has ended or is dropped. This
/// includes streams, errors, cancelled requests and panics. Place the layer inside the
/// [`HealthLayer`](crate::HealthLayer), so that probes are not counted and are answered at any load.
/// All layers of one indicator share a counter.
///
/// # What it cannot see
///
/// Requests that wait outside of the layer, and upgraded connections, such as WebSockets, which
/// count only until the response that upgrades them has been sent. A burst that is over before the
/// next run. Whether the requests in flight make progress.
///
/// # Defaults
///
/// Critical, component type `system`; timeout and TTL are those of the
/// [`HealthConfig`](crate::HealthConfig). Readings: `requests` in `requests`, and with a limit
/// `utilization` in `percent` of the limit that fails, or of the limit that warns if there is no
/// other.
///
/// No limit has a default: how many requests are too many depends on what they do.
#[derive(Clone, Debug)]
#[must_use = "an indicator does nothing until it is registered"]
pub struct InFlightIndicator {
    name: String,
    count: Arc<AtomicUsize>,
    limits: Limits,
}

impl InFlightIndicator {
    /// Creates an indicator that reports the number of requests and passes until it has a limit.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            count: Arc::default(),
            limits: Limits::above(["warn_above", "fail_above"], f64::INFINITY),
        }
    }

    /// Warns while more than this number of requests is in flight. By default it never warns.
    ///
    /// It must be above 0 and at most the limit that fails.
    pub fn warn_above(mut self, requests: usize) -> Self {
        self.limits.warn = Some(requests as f64);
        self
    }

    /// Fails while more than this number of requests is in flight. By default it never fails.
    ///
    /// It must be above 0.
    pub fn fail_above(mut self, requests: usize) -> Self {
        self.limits.fail = Some(requests as f64);
        self
    }

    /// Returns a layer that counts the requests of the service that it wraps.
    pub fn layer(&self) -> InFlightLayer {
        InFlightLayer::new(Arc::clone(&self.count))
    }

    /// Returns the number of requests that are in flight now.
    pub fn requests(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

impl HealthIndicator for InFlightIndicator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        config::validated(self)?;
        let requests = self.requests();
        let mut findings = Findings::default();
        findings.reading("requests", requests, "requests");
        if let Some(limit) = self.limits.fail.or(self.limits.warn) {
            let utilization = rounded(requests as f64 / limit * 100.0);
            findings.reading("utilization", utilization, "percent");
        }
        findings.limit(self.limits.compare(requests as f64), |limit| {
            format!("{requests} requests are in flight, more than {limit}")
        });
        findings.result()
    }

    fn config_error(&self) -> Option<String> {
        self.limits.config_error()
    }

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::System)
    }
}
