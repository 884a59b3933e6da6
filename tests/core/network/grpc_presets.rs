//! Temporal and Qdrant, as their documentation says that they behave, and a server that is no etcd.

use futures_util::stream::Pending;
use tonic::service::{Interceptor, Routes};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health as HealthService, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower_health::HealthIndicator;
use tower_health::indicators::GrpcIndicator;

use super::grpc::{ANYWHERE, channel, saying, serving};
use super::verdict::{failure, passes};
use crate::support::watched::refused;

/// Knows only the service that the frontend of Temporal registers.
struct TemporalFrontend;

#[tonic::async_trait]
impl HealthService for TemporalFrontend {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if request.get_ref().service != "temporal.api.workflowservice.v1.WorkflowService" {
            return Err(Status::not_found("unknown service"));
        }
        Ok(Response::new(HealthCheckResponse {
            status: ServingStatus::Serving.into(),
        }))
    }

    type WatchStream = Pending<Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

#[tokio::test]
async fn temporal_is_asked_for_its_workflow_service() {
    let site = serving(ANYWHERE, Routes::new(HealthServer::new(TemporalFrontend))).await;
    passes(&GrpcIndicator::temporal(
        "temporal",
        channel(site.address()),
    ))
    .await;
    let of_the_server = GrpcIndicator::new("temporal", channel(site.address()));
    let said = failure(&of_the_server).await;
    assert!(
        said.contains("does not know this service (NotFound)"),
        "{said}"
    );
}

#[tokio::test]
async fn qdrant_with_an_api_key_wants_it_for_its_health_too() {
    #[derive(Clone)]
    struct ApiKey;
    impl Interceptor for ApiKey {
        fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
            let key = "hunter2".parse().unwrap();
            request.metadata_mut().insert("api-key", key);
            Ok(request)
        }
    }
    fn wants_key(request: Request<()>) -> Result<Request<()>, Status> {
        match request.metadata().get("api-key") {
            Some(key) if key == "hunter2" => Ok(request),
            _ => Err(Status::permission_denied("Must provide an API key")),
        }
    }
    let health = saying(Ok(ServingStatus::Serving.into()));
    let service = tower::ServiceBuilder::new()
        .layer(tonic::service::InterceptorLayer::new(wants_key))
        .service(health);
    let site = serving(ANYWHERE, service).await;

    let said = failure(&GrpcIndicator::qdrant("qdrant", channel(site.address()))).await;
    assert!(said.contains("does not allow this client"), "{said}");
    let with_key = tower::ServiceBuilder::new()
        .layer(tonic::service::InterceptorLayer::new(ApiKey))
        .service(channel(site.address()));
    passes(&GrpcIndicator::qdrant("qdrant", with_key)).await;
}

// etcd reports SERVING for any service, whatever becomes of its quorum.
#[test]
fn a_service_of_an_etcd_is_refused_in_any_order_and_that_of_another_server_is_not() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _within = runtime.enter();
    let channel = channel(([127, 0, 0, 1], 1).into());
    let etcd = GrpcIndicator::etcd("etcd", channel.clone()).service("etcdserverpb.KV");
    let fault = std::thread::spawn(|| refused(etcd)).join().unwrap();
    assert!(fault.contains("service has no meaning for etcd"), "{fault}");
    let temporal = GrpcIndicator::temporal("temporal", channel);
    let history = temporal.service("temporal.api.workflowservice.v1.HistoryService");
    assert_eq!(history.config_error(), None);
}

#[tokio::test]
async fn a_server_that_is_no_etcd_is_said_to_be_none() {
    let site = serving(ANYWHERE, saying(Ok(ServingStatus::Serving.into()))).await;
    let said = failure(&GrpcIndicator::etcd("etcd", channel(site.address()))).await;
    assert_eq!(
        said,
        "read from etcd: the server, or a proxy before it, does not serve etcdserverpb.KV \
         (Unimplemented)"
    );
}
