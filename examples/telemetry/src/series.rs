//! One series of an instrument: what the facade hands to the application.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{CounterFn, GaugeFn, HistogramFn, Key};
use opentelemetry::KeyValue;
use opentelemetry::metrics as otel;

/// Returns the series of a key, which is a new one the first time.
pub(crate) fn series<T>(
    all: &Mutex<HashMap<Key, Arc<T>>>,
    key: &Key,
    new: impl FnOnce() -> T,
) -> Arc<T> {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = all.get(key) {
        return Arc::clone(known);
    }
    let series = Arc::new(new());
    all.insert(key.clone(), Arc::clone(&series));
    series
}

pub(crate) fn attributes(key: &Key) -> Vec<KeyValue> {
    let labels = key.labels();
    labels
        .map(|label| KeyValue::new(label.key().to_owned(), label.value().to_owned()))
        .collect()
}

pub(crate) struct CounterSeries {
    pub(crate) counter: otel::Counter<u64>,
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) last: AtomicU64,
}

impl CounterFn for CounterSeries {
    fn increment(&self, value: u64) {
        self.last.fetch_add(value, Ordering::Relaxed);
        self.counter.add(value, &self.attributes);
    }

    fn absolute(&self, value: u64) {
        let before = self.last.fetch_max(value, Ordering::Relaxed);
        self.counter
            .add(value.saturating_sub(before), &self.attributes);
    }
}

pub(crate) struct GaugeSeries {
    pub(crate) gauge: otel::Gauge<f64>,
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) value: Mutex<f64>,
}

impl GaugeSeries {
    fn change(&self, change: impl FnOnce(f64) -> f64) {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        *value = change(*value);
        self.gauge.record(*value, &self.attributes);
    }
}

impl GaugeFn for GaugeSeries {
    fn increment(&self, by: f64) {
        self.change(|value| value + by);
    }

    fn decrement(&self, by: f64) {
        self.change(|value| value - by);
    }

    fn set(&self, to: f64) {
        self.change(|_| to);
    }
}

pub(crate) struct HistogramSeries {
    pub(crate) histogram: otel::Histogram<f64>,
    pub(crate) attributes: Vec<KeyValue>,
}

impl HistogramFn for HistogramSeries {
    fn record(&self, value: f64) {
        self.histogram.record(value, &self.attributes);
    }
}
