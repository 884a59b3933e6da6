//! The metrics of a service's health over OTLP, to a collector.
//!
//! ```sh
//! cargo run                             # to a collector on localhost:4317
//! OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317 OTEL_METRIC_EXPORT_INTERVAL=5000 cargo run
//! ```

use std::error::Error;
use std::path::PathBuf;

use opentelemetry::metrics::MeterProvider;
use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use tower_health::{Health, indicator_fn};
use tower_health_telemetry::OtelRecorder;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let exporter = MetricExporter::builder().with_tonic().build()?;
    let provider = SdkMeterProvider::builder()
        .with_periodic_exporter(exporter)
        .build();
    metrics::set_global_recorder(OtelRecorder::new(provider.meter("tower-health")))?;

    // What your service depends on; here a directory that can be taken away.
    let dir = PathBuf::from(std::env::var_os("DATA_DIR").unwrap_or_else(|| ".".into()));
    let health = Health::builder()
        .readiness(indicator_fn("data-dir", move || {
            let dir = dir.clone();
            async move { tokio::fs::metadata(dir).await.map(drop) }
        }))
        .start()?;
    health.record_metrics()?;

    // Your server would run here, with this as the signal of its graceful shutdown.
    health.shutdown_signal().await;
    provider.shutdown()?; // the last export
    Ok(())
}
