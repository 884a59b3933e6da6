//! A recorder of the `metrics` facade that hands everything to OpenTelemetry.
//!
//! It serves every library that records through the facade, not only tower-health.

mod series;

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use opentelemetry::metrics::Meter;

use self::series::{CounterSeries, GaugeSeries, HistogramSeries, attributes, series};

/// The bounds of the histograms, in seconds.
const BOUNDS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Records into the instruments of a meter.
pub struct OtelRecorder {
    meter: Meter,
    described: Mutex<HashMap<KeyName, (Option<Unit>, SharedString)>>,
    counters: Mutex<HashMap<Key, Arc<CounterSeries>>>,
    gauges: Mutex<HashMap<Key, Arc<GaugeSeries>>>,
    histograms: Mutex<HashMap<Key, Arc<HistogramSeries>>>,
}

impl OtelRecorder {
    pub fn new(meter: Meter) -> Self {
        Self {
            meter,
            described: Mutex::default(),
            counters: Mutex::default(),
            gauges: Mutex::default(),
            histograms: Mutex::default(),
        }
    }

    fn describe(&self, name: KeyName, unit: Option<Unit>, description: SharedString) {
        let described = self.described.lock();
        let mut described = described.unwrap_or_else(PoisonError::into_inner);
        described.insert(name, (unit, description));
    }

    /// The unit, as UCUM writes it, and the description.
    fn description(&self, key: &Key) -> (&'static str, String) {
        let described = self.described.lock();
        let described = described.unwrap_or_else(PoisonError::into_inner);
        match described.get(key.name()) {
            Some((Some(Unit::Seconds), text)) => ("s", text.to_string()),
            Some((_, text)) => ("1", text.to_string()),
            None => ("1", String::new()),
        }
    }
}

impl Recorder for OtelRecorder {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(name, unit, description);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(name, unit, description);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(name, unit, description);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let series = series(&self.counters, key, || {
            let (unit, description) = self.description(key);
            // Exporters to Prometheus add this suffix themselves.
            let name = key.name().trim_end_matches("_total").to_owned();
            let counter = self.meter.u64_counter(name);
            CounterSeries {
                counter: counter
                    .with_unit(unit)
                    .with_description(description)
                    .build(),
                attributes: attributes(key),
                last: AtomicU64::new(0),
            }
        });
        Counter::from_arc(series)
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        let series = series(&self.gauges, key, || {
            let (unit, description) = self.description(key);
            let gauge = self.meter.f64_gauge(key.name().to_owned());
            GaugeSeries {
                gauge: gauge.with_unit(unit).with_description(description).build(),
                attributes: attributes(key),
                value: Mutex::new(0.0),
            }
        });
        Gauge::from_arc(series)
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let series = series(&self.histograms, key, || {
            let (unit, description) = self.description(key);
            let histogram = self.meter.f64_histogram(key.name().to_owned());
            let histogram = histogram.with_boundaries(BOUNDS.to_vec());
            HistogramSeries {
                histogram: histogram
                    .with_unit(unit)
                    .with_description(description)
                    .build(),
                attributes: attributes(key),
            }
        });
        Histogram::from_arc(series)
    }
}
