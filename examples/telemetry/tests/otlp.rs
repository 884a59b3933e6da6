//! The example sends its health to a collector, which is here in the test.

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

/// The latest value of each series; of a histogram, how many values it has.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<HashMap<String, f64>>>);

impl Collector {
    fn keep(&self, request: ExportMetricsServiceRequest) {
        let mut values = self.0.lock().unwrap();
        let scopes = request
            .resource_metrics
            .into_iter()
            .flat_map(|resource| resource.scope_metrics);
        for metric in scopes.flat_map(|scope| scope.metrics) {
            let mut keep = |attributes: &[_], value| {
                values.insert(series(&metric.name, attributes), value);
            };
            let number = |value: Option<Value>| match value.unwrap() {
                Value::AsDouble(value) => value,
                Value::AsInt(value) => value as f64,
            };
            match metric.data.unwrap() {
                Data::Gauge(gauge) => gauge
                    .data_points
                    .iter()
                    .for_each(|point| keep(&point.attributes, number(point.value))),
                Data::Sum(sum) => {
                    assert!(sum.is_monotonic);
                    let points = sum.data_points.iter();
                    points.for_each(|point| keep(&point.attributes, number(point.value)));
                }
                Data::Histogram(histogram) => histogram
                    .data_points
                    .iter()
                    .for_each(|point| keep(&point.attributes, point.count as f64)),
                other => panic!("{other:?}"),
            }
        }
    }

    fn value(&self, series: &str) -> Option<f64> {
        self.0.lock().unwrap().get(series).copied()
    }

    async fn until(&self, series: &str, wanted: impl Fn(f64) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.value(series).is_some_and(&wanted) {
            assert!(
                Instant::now() < deadline,
                "{series} in {:#?}",
                self.0.lock().unwrap()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn series(name: &str, attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue]) -> String {
    use opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue;
    let mut labels: Vec<_> = attributes
        .iter()
        .map(
            |attribute| match attribute.value.as_ref().unwrap().value.as_ref().unwrap() {
                StringValue(value) => format!("{}={value}", attribute.key),
                other => panic!("{other:?}"),
            },
        )
        .collect();
    labels.sort();
    format!("{name} {}", labels.join(" "))
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.keep(request.into_inner());
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

/// It ends with the test.
struct Example(Child);

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_collector_gets_the_state_the_runs_and_the_durations_of_a_check() {
    let collector = Collector::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::builder().add_service(MetricsServiceServer::new(collector.clone()));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));

    let root = tempfile::TempDir::new().unwrap();
    let dir = root.path().join("data");
    std::fs::create_dir(&dir).unwrap();
    let example = Command::new(env!("CARGO_BIN_EXE_tower-health-telemetry"))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("OTEL_METRIC_EXPORT_INTERVAL", "100")
        .env("DATA_DIR", &dir)
        .stdin(Stdio::null())
        .spawn();
    let _example = Example(example.unwrap());

    let state = |state| format!("health_check_state check=data-dir probe=readiness state={state}");
    collector.until(&state("pass"), |value| value == 1.0).await;
    let runs = "health_check_runs check=data-dir outcome=pass probe=readiness";
    collector.until(runs, |value| value >= 2.0).await;
    let durations = "health_check_run_duration_seconds check=data-dir probe=readiness";
    collector.until(durations, |value| value >= 2.0).await;

    std::fs::remove_dir(&dir).unwrap();
    collector.until(&state("fail"), |value| value == 1.0).await;
    assert_eq!(collector.value(&state("pass")), Some(0.0));
    let ready = "health_probe_state probe=readiness state=fail";
    collector.until(ready, |value| value == 1.0).await;
}
