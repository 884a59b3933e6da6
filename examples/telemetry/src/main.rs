//! The metrics of a service's health over OTLP, to a collector, and a trace of each run of a check.
//!
//! ```sh
//! cargo run                             # to a collector on localhost:4317
//! OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317 OTEL_SERVICE_NAME=billing cargo run
//! ```

use std::error::Error;
use std::path::PathBuf;

use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tower_health::{Health, indicator_fn};
use tower_health_telemetry::OtelRecorder;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let metrics = SdkMeterProvider::builder()
        .with_periodic_exporter(MetricExporter::builder().with_tonic().build()?)
        .build();
    metrics::set_global_recorder(OtelRecorder::new(metrics.meter("tower-health")))?;

    let traces = SdkTracerProvider::builder()
        .with_batch_exporter(SpanExporter::builder().with_tonic().build()?)
        .build();
    // Without the exporter itself, whose own spans and events would give it more to export. Each is
    // a prefix, so that `tower` would take tower_health along.
    let exported = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_targets(["h2", "hyper", "opentelemetry", "tonic"].map(off));
    let layer = tracing_opentelemetry::layer().with_tracer(traces.tracer("tower-health"));
    tracing_subscriber::registry()
        .with(layer.with_filter(exported))
        .init();

    // What your service depends on; here a directory that can be taken away.
    let dir = PathBuf::from(std::env::var_os("DATA_DIR").unwrap_or_else(|| ".".into()));
    let health = Health::builder()
        .run_spans()
        .readiness(indicator_fn("data-dir", move || {
            let dir = dir.clone();
            async move { tokio::fs::metadata(dir).await.map(drop) }
        }))
        .start()?;
    health.record_metrics()?;

    // Your server would run here, with this as the signal of its graceful shutdown.
    health.shutdown_signal().await;
    metrics.shutdown()?; // the last exports
    traces.shutdown()?;
    Ok(())
}

fn off(target: &str) -> (&str, LevelFilter) {
    (target, LevelFilter::OFF)
}
