//! The example sends its health to a collector, which is here in the test.

mod metrics;
mod traces;

use std::process::{Child, Command, Stdio};

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::MetricsServiceServer;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::TraceServiceServer;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;

use crate::metrics::Metrics;
use crate::traces::{Traces, attribute};

/// The example, whose check needs a directory, and what the collector has got of it.
struct Example {
    process: Child,
    root: TempDir,
    metrics: Metrics,
    traces: Traces,
}

impl Example {
    async fn start() -> Self {
        let (metrics, traces) = (Metrics::default(), Traces::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder()
            .add_service(MetricsServiceServer::new(metrics.clone()))
            .add_service(TraceServiceServer::new(traces.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));

        let root = TempDir::new().unwrap();
        std::fs::create_dir(root.path().join("data")).unwrap();
        // It ends with the test, even if that is killed.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(env!("CARGO_BIN_EXE_tower-health-telemetry"))
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            .env("OTEL_METRIC_EXPORT_INTERVAL", "100")
            .env("OTEL_BSP_SCHEDULE_DELAY", "100")
            .env("DATA_DIR", root.path().join("data"))
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            process,
            root,
            metrics,
            traces,
        }
    }

    fn remove_directory(&self) {
        std::fs::remove_dir(self.root.path().join("data")).unwrap();
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The value of an attribute as text.
fn text(attribute: &KeyValue) -> String {
    match attribute.value.clone().and_then(|value| value.value) {
        Some(Value::StringValue(value)) => value,
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::DoubleValue(value)) => value.to_string(),
        Some(Value::BoolValue(value)) => value.to_string(),
        other => panic!("{other:?}"),
    }
}

fn state(state: &str) -> String {
    format!("health_check_state check=data-dir probe=readiness state={state}")
}

fn runs(outcome: &str) -> String {
    format!("health_check_runs check=data-dir outcome={outcome} probe=readiness")
}

#[tokio::test]
async fn a_collector_gets_the_state_the_runs_and_the_durations_of_a_check() {
    let example = Example::start().await;
    let metrics = &example.metrics;
    metrics.until(&state("pass"), |value| value == 1.0).await;
    metrics.until(&runs("pass"), |value| value >= 2.0).await;
    let durations = "health_check_run_duration_seconds check=data-dir probe=readiness";
    metrics.until(durations, |value| value >= 2.0).await;

    example.remove_directory();
    metrics.until(&state("fail"), |value| value == 1.0).await;
    assert_eq!(metrics.value(&state("pass")), Some(0.0));
    let ready = "health_probe_state probe=readiness state=fail";
    metrics.until(ready, |value| value == 1.0).await;
}

#[tokio::test]
async fn a_collector_gets_one_span_for_each_run_with_the_check_the_outcome_and_the_duration() {
    let example = Example::start().await;
    let (metrics, traces) = (&example.metrics, &example.traces);
    // As many as the counter of runs says, at least two.
    let has_each = |outcome: &'static str| {
        move |traces: &Traces| {
            let spans = traces.with_outcome(outcome);
            spans >= 2 && metrics.value(&runs(outcome)) == Some(spans as f64)
        }
    };
    traces.until(has_each("pass")).await;
    assert_eq!(traces.with_outcome("fail"), 0);
    example.remove_directory();
    traces.until(has_each("fail")).await;

    let spans = traces.all();
    for span in &spans {
        assert_eq!(span.name, "health_check", "{span:#?}");
        assert!(span.parent_span_id.is_empty(), "{span:#?}");
        assert_eq!(attribute(span, "check").as_deref(), Some("data-dir"));
        assert_eq!(attribute(span, "probe").as_deref(), Some("readiness"));
        let seconds = attribute(span, "duration_seconds").unwrap();
        assert!(seconds.parse::<f64>().unwrap() > 0.0, "{span:#?}");
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
    }
    // Each is a trace of its own.
    let mut traces: Vec<_> = spans.iter().map(|span| &span.trace_id).collect();
    traces.sort();
    traces.dedup();
    assert_eq!(traces.len(), spans.len());
}
