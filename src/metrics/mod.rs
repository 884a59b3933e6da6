//! Health as metrics: a reader of the snapshot, as the text that Prometheus scrapes and through the
//! `metrics` facade.
//!
//! One table names every metric, and both ways out go through it. No check runs for a scrape.

mod accept;
mod durations;
mod facade;
mod families;
mod follow;
mod slis;
mod text;
mod view;

use std::io;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response};

use self::accept::Format;
use self::families::FAMILIES;
use self::slis::SLIS;
pub use self::text::HealthCollector;
use self::view::View;
use crate::Health;

/// Returns the content type and the text of every metric.
pub(crate) fn render(health: &Health, accept: Option<&str>) -> (HeaderValue, Bytes) {
    let format = Format::accepted(accept);
    let text = text::encode(View::of(health), FAMILIES, format);
    (format.content_type(), text)
}

/// Returns the content type and the text of each check in the names of Kubernetes.
pub(crate) fn render_slis(health: &Health, accept: Option<&str>) -> (HeaderValue, Bytes) {
    let format = Format::accepted(accept);
    let text = text::encode(View::of(health), SLIS, format);
    (format.content_type(), text)
}

impl Health {
    /// Returns every metric as the answer to a scrape: 200 whatever the health is.
    ///
    /// `accept` is the `accept` header of the request. The text is [OpenMetrics 1.0][om] if the header
    /// prefers that, and otherwise the [text format][text] 0.0.4 of Prometheus. No check runs for it.
    /// The [metrics guide](crate::guides::metrics) lists the metrics.
    ///
    /// ```
    /// use tower_health::{Health, Status};
    ///
    /// let response = Health::fixed(Status::Fail).metrics(None);
    /// assert_eq!(response.status(), 200);
    /// let text = std::str::from_utf8(response.body())?;
    /// assert!(text.contains(r#"health_probe_state{probe="readiness",state="fail"} 1"#));
    /// # Ok::<(), std::str::Utf8Error>(())
    /// ```
    ///
    /// [om]: https://prometheus.io/docs/specs/om/open_metrics_spec/
    /// [text]: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
    pub fn metrics(&self, accept: Option<&str>) -> Response<Bytes> {
        response(render(self, accept))
    }

    /// Returns the result of each check in the names and labels of Kubernetes' own components, as the
    /// answer to a scrape.
    ///
    /// These are `kubernetes_healthcheck` and `kubernetes_healthchecks_total`, which the components
    /// of Kubernetes serve at [`/metrics/slis`][slis]. The `type` of a readiness check is `readyz`,
    /// and that of a startup check `startupz`.
    ///
    /// [slis]: https://kubernetes.io/docs/reference/instrumentation/slis/
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
    pub fn metrics_slis(&self, accept: Option<&str>) -> Response<Bytes> {
        response(render_slis(self, accept))
    }

    /// Returns a collector of every metric, for a registry of [`prometheus_client`] that the
    /// application has already.
    ///
    /// ```
    /// use prometheus_client::encoding::text::encode;
    /// use prometheus_client::registry::Registry;
    /// use tower_health::{Health, Status};
    ///
    /// let health = Health::fixed(Status::Pass);
    /// let mut registry = Registry::default();
    /// registry.register_collector(Box::new(health.metrics_collector()));
    /// let mut text = String::new();
    /// encode(&mut text, &registry)?;
    /// assert!(text.contains("health_draining 0\n"));
    /// # Ok::<(), std::fmt::Error>(())
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
    pub fn metrics_collector(&self) -> HealthCollector {
        HealthCollector::new(self.downgrade())
    }

    /// Records every metric through the [`metrics`](::metrics) facade after each publication, for
    /// whichever recorder the application has installed, or installs later.
    ///
    /// A thread of its own records at most ten times a second, and at least once. A recorder that
    /// blocks or panics delays neither checks nor probes nor the runtime. The thread ends with the
    /// last [`Health`]. A further call for the same health does nothing. Call it for one health of a
    /// process: no label tells two apart.
    ///
    /// The facade cannot take a series back: the gauges of a check that is removed become 0, and its
    /// counters stay. If it is added again, they go on from there. What it counted between the last
    /// recording and its removal is not recorded. A duration is exact if the check ran once between
    /// two recordings; of several, each is recorded to the precision of its
    /// [bucket](crate::RunDurations::BOUNDS).
    ///
    /// # Errors
    ///
    /// Returns an error if the system cannot start a thread.
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
    pub fn record_metrics(&self) -> io::Result<()> {
        follow::start(self)
    }
}

fn response((content_type, text): (HeaderValue, Bytes)) -> Response<Bytes> {
    let length = HeaderValue::from(text.len());
    let mut response = Response::new(text);
    response.headers_mut().extend([
        (CONTENT_TYPE, content_type),
        (CONTENT_LENGTH, length),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]);
    response
}
