//! Metrics as text, by the client library of the Prometheus project.

use std::fmt;

use bytes::Bytes;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::accept::Format;
use super::families::{FAMILIES, Family, Kind, Label, Value};
use super::view::View;
use crate::{RunDurations, WeakHealth};

/// Collects the metrics of a [`Health`](crate::Health) for a registry of [`prometheus_client`].
///
/// [`Health::metrics_collector`](crate::Health::metrics_collector) creates it. It does not keep the
/// health alive: without it, it collects nothing.
#[derive(Clone, Debug)]
pub struct HealthCollector {
    health: WeakHealth,
}

impl HealthCollector {
    pub(super) fn new(health: WeakHealth) -> Self {
        Self { health }
    }
}

impl Collector for HealthCollector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        match self.health.upgrade() {
            Some(health) => write(&View::of(&health), FAMILIES, Format::OpenMetrics, encoder),
            None => Ok(()),
        }
    }
}

/// Returns the metrics as text.
pub(super) fn encode(view: View, families: &'static [Family], format: Format) -> Bytes {
    let checks = view.checks().count();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families {
        view,
        families,
        format,
    }));
    let mut text = String::with_capacity(4_096 + checks * 3_072);
    let mut encoded = encode_registry(&mut text, &registry);
    if format == Format::OpenMetrics {
        encoded = encoded.and_then(|()| encode_eof(&mut text));
    }
    debug_assert!(encoded.is_ok(), "a string takes every text");
    text.into()
}

struct Families {
    view: View,
    families: &'static [Family],
    format: Format,
}

impl fmt::Debug for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Families")
    }
}

impl Collector for Families {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        write(&self.view, self.families, self.format, encoder)
    }
}

fn write(
    view: &View,
    families: &[Family],
    format: Format,
    mut encoder: DescriptorEncoder<'_>,
) -> fmt::Result {
    for family in families {
        let mut descriptor = Some(&mut encoder);
        let mut metric = None;
        (family.series)(view, &mut |labels, value| {
            // With the first series: a name without any is left out.
            if let Some(descriptor) = descriptor.take() {
                metric = Some(describe(descriptor, family, format)?);
            }
            match &mut metric {
                Some(metric) => write_series(metric, labels, family.kind, value, format),
                None => Ok(()),
            }
        })?;
    }
    Ok(())
}

/// The library adds the suffixes of OpenMetrics, whose names of families have none. The older format
/// describes a counter by the name of its series, which the library has no word for.
fn describe<'a>(
    encoder: &'a mut DescriptorEncoder<'_>,
    family: &'a Family,
    format: Format,
) -> Result<MetricEncoder<'a>, fmt::Error> {
    const SECONDS: Unit = Unit::Seconds;
    let kind = match family.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
    };
    let (mut name, mut unit) = (family.name, None);
    if format == Format::OpenMetrics {
        name = name.strip_suffix("_total").unwrap_or(name);
        if let Some(without_unit) = name.strip_suffix("_seconds") {
            (name, unit) = (without_unit, Some(&SECONDS));
        }
    }
    encoder.encode_descriptor(name, family.help, unit, kind)
}

fn write_series(
    metric: &mut MetricEncoder<'_>,
    labels: &[Label<'_>],
    kind: Kind,
    value: Value<'_>,
    format: Format,
) -> fmt::Result {
    if labels.is_empty() {
        return write_value(metric, kind, value, format);
    }
    write_value(&mut metric.encode_family(&labels)?, kind, value, format)
}

fn write_value(
    metric: &mut MetricEncoder<'_>,
    kind: Kind,
    value: Value<'_>,
    format: Format,
) -> fmt::Result {
    match value {
        Value::Whole(count) if kind == Kind::Counter && format == Format::OpenMetrics => {
            metric.encode_counter::<NoLabelSet, _, u64>(&count, None)
        }
        // In the older format a counter, too: its name has the suffix already.
        Value::Whole(number) => metric.encode_gauge(&number),
        Value::Seconds(seconds) => metric.encode_gauge(&seconds),
        Value::Durations(durations) => {
            let buckets = buckets(durations);
            let sum = durations.sum().as_secs_f64();
            metric.encode_histogram::<NoLabelSet>(sum, durations.count(), &buckets, None)
        }
    }
}

/// Returns the upper bound of each bucket with its own count.
fn buckets(durations: &RunDurations) -> Vec<(f64, u64)> {
    let bounds = RunDurations::BOUNDS.iter().map(|bound| bound.as_secs_f64());
    let bounds = bounds.chain([f64::INFINITY]);
    let counts = durations.counts().iter().map(|count| u64::from(*count));
    bounds.zip(counts).collect()
}
