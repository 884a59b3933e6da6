//! The spans that a collector gets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::TraceService;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use tonic::{Request, Response, Status};

use crate::text;

/// Every span, by its identity.
#[derive(Clone, Default)]
pub struct Traces(Arc<Mutex<HashMap<Vec<u8>, Span>>>);

impl Traces {
    pub fn all(&self) -> Vec<Span> {
        self.0.lock().unwrap().values().cloned().collect()
    }

    /// How many runs ended like this.
    pub fn with_outcome(&self, outcome: &str) -> usize {
        let spans = self.0.lock().unwrap();
        let has_outcome = |span: &&Span| attribute(span, "outcome").as_deref() == Some(outcome);
        spans.values().filter(has_outcome).count()
    }

    pub async fn until(&self, wanted: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !wanted(self) {
            assert!(Instant::now() < deadline, "{:#?}", self.all());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

pub fn attribute(span: &Span, key: &str) -> Option<String> {
    let mut attributes = span.attributes.iter();
    attributes.find(|attribute| attribute.key == key).map(text)
}

#[tonic::async_trait]
impl TraceService for Traces {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        let mut spans = self.0.lock().unwrap();
        for span in scopes.flat_map(|scope| scope.spans) {
            let known = spans.insert(span.span_id.clone(), span);
            assert!(known.is_none(), "a span came twice: {known:?}");
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
