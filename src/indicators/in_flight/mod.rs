//! Requests in flight: counted by a layer, judged by an indicator.

mod layer;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use self::layer::{InFlightBody, InFlightFuture, InFlightLayer, InFlightService};
use crate::indicators::IndicatorError;
use crate::indicators::shared::findings::{Findings, rounded};
use crate::indicators::shared::limits::Limits;
use crate::{CheckResult, ComponentType, HealthIndicator};

/// Counts the requests in flight by its [layer](Self::layer), and warns or fails above a limit: an
/// instance that has more than it can do should get no further ones before it drowns.
///
/// A request counts from `call` until the body of its response is at its end or dropped. Streams,
/// errors, cancelled requests and panics are no exceptions. A connection that was upgraded, such as
/// a WebSocket, counts only until the answer that upgrades it was sent. The layer stands inside of
/// the [`HealthLayer`](crate::HealthLayer), so that probes are not counted and are answered however
/// much is in flight. All layers of an indicator count together.
///
/// Choose the limits for one instance, and remember that those which remain get what this one
/// refuses: if all of them fail at once, nobody answers. A limit that sheds load for certain, as
/// `tower::limit` does, belongs beside it.
///
/// A run reads one counter; a request costs two atomic additions and no allocation. Critical,
/// component type `system`; timeout and TTL are those of the
/// [`HealthConfig`](crate::HealthConfig). Readings: `requests` in `requests`, and with limits
/// `utilization`, the share of the upper one in `percent`.
///
/// ```
/// use axum::{Router, routing::get};
/// use tower_health::indicators::InFlightIndicator;
/// use tower_health::{Health, HealthLayer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let in_flight = InFlightIndicator::new("in-flight").limits(800, 1_000)?;
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
#[derive(Clone, Debug)]
pub struct InFlightIndicator {
    name: String,
    count: Arc<AtomicUsize>,
    /// `None` if the count is only to be reported.
    limits: Option<Limits>,
}

impl InFlightIndicator {
    /// Reports how many requests are in flight, and passes until there are
    /// [limits](Self::limits).
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            count: Arc::default(),
            limits: None,
        }
    }

    /// Warns while more than `warn` requests are in flight, and fails while more than `fail` are.
    ///
    /// # Errors
    ///
    /// When one of them is 0, or the check would fail before it warns.
    pub fn limits(mut self, warn: usize, fail: usize) -> Result<Self, IndicatorError> {
        let pair = (warn as f64, fail as f64);
        self.limits = Some(Limits::above(&self.name, "limits", pair, f64::INFINITY)?);
        Ok(self)
    }

    /// The layer that counts.
    pub fn layer(&self) -> InFlightLayer {
        InFlightLayer::new(Arc::clone(&self.count))
    }

    /// How many requests are in flight now.
    pub fn requests(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

impl HealthIndicator for InFlightIndicator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        let requests = self.requests();
        let mut findings = Findings::default();
        findings.reading("requests", requests, "requests");
        if let Some(limits) = self.limits {
            let utilization = rounded(requests as f64 / limits.fail() * 100.0);
            findings.reading("utilization", utilization, "percent");
            findings.judged(limits.judge(requests as f64), |limit| {
                format!("{requests} requests are in flight, more than {limit}")
            });
        }
        findings.result()
    }

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::System)
    }
}
