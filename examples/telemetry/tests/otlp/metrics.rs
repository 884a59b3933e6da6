//! The metrics that a collector gets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::MetricsService;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use tonic::{Request, Response, Status};

use crate::text;

/// The latest value of each series; of a histogram, how many values it has.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Mutex<HashMap<String, f64>>>);

impl Metrics {
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

    pub fn value(&self, series: &str) -> Option<f64> {
        self.0.lock().unwrap().get(series).copied()
    }

    pub async fn until(&self, series: &str, wanted: impl Fn(f64) -> bool) {
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

fn series(name: &str, attributes: &[KeyValue]) -> String {
    let labels = attributes.iter();
    let mut labels: Vec<_> = labels
        .map(|label| format!("{}={}", label.key, text(label)))
        .collect();
    labels.sort();
    format!("{name} {}", labels.join(" "))
}

#[tonic::async_trait]
impl MetricsService for Metrics {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.keep(request.into_inner());
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}
