//! What gRPC health services say, and what the check makes of it.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::Pending;
use hyper::body::Incoming;
use tonic::service::{Interceptor, Routes};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_health::pb::health_server::{Health as HealthService, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_health::server::health_reporter;
use tower::{Layer, Service, service_fn};
use tower_health::indicators::GrpcIndicator;
use tower_health::{
    ComponentType, Criticality, Health, HealthIndicator, HealthLayer, Observation, indicator_fn,
};

use super::site::{Site, text, tower};
use super::verdict::{failure, passes};
use crate::support::watched::Watched;

pub(crate) fn channel(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    endpoint.connect_lazy()
}

pub(crate) fn orders<C>(channel: C) -> GrpcIndicator<C> {
    let indicator = GrpcIndicator::new("orders", channel).service("shop.Orders");
    indicator.timeout(Duration::from_millis(500))
}

/// Serves this at each connection to the address.
pub(crate) async fn serving<S, B>(address: SocketAddr, service: S) -> Site
where
    S: Service<http::Request<Incoming>, Response = http::Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<tower::BoxError>,
    B: hyper::body::Body<Data = hyper::body::Bytes> + Send + 'static,
    B::Error: Into<tower::BoxError>,
{
    Site::start_at(address, move |connection| {
        tower(connection, service.clone())
    })
    .await
}

pub(crate) const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(crate) type Said = Result<i32, (Code, &'static str)>;

/// Answers what the test says, whatever the client requests.
struct Says(Said);

#[tonic::async_trait]
impl HealthService for Says {
    async fn check(
        &self,
        _: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<HealthCheckResponse>, Status> {
        let said = self.0.map_err(|(code, message)| Status::new(code, message));
        said.map(|status| tonic::Response::new(HealthCheckResponse { status }))
    }

    type WatchStream = Pending<Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        _: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

pub(crate) fn saying(said: Said) -> Routes {
    Routes::new(HealthServer::new(Says(said)))
}

#[tokio::test]
async fn each_answer_has_its_words() {
    let cases: [(Said, &str); 12] = [
        (Ok(0), "the server reports UNKNOWN"),
        (Ok(2), "the server reports NOT_SERVING"),
        (
            Ok(3),
            "the server does not know this service (SERVICE_UNKNOWN)",
        ),
        (
            Ok(9),
            "the server reports status 9, which grpc.health.v1 does not define",
        ),
        (
            Err((Code::NotFound, "no")),
            "the server does not know this service (NotFound): no",
        ),
        (
            Err((Code::Unimplemented, "")),
            "the server, or a proxy before it, does not serve grpc.health.v1 (Unimplemented)",
        ),
        (
            Err((Code::Unavailable, "draining")),
            "the server is unreachable or going away (Unavailable): draining",
        ),
        (
            Err((Code::DeadlineExceeded, "")),
            "the server did not answer in time (DeadlineExceeded)",
        ),
        (
            Err((Code::Unauthenticated, "")),
            "the server does not allow this client to check its health (Unauthenticated)",
        ),
        (
            Err((Code::PermissionDenied, "")),
            "the server does not allow this client to check its health (PermissionDenied)",
        ),
        (
            Err((Code::ResourceExhausted, "")),
            "the server is overloaded (ResourceExhausted)",
        ),
        (
            Err((Code::Internal, "a bug")),
            "the call failed (Internal): a bug",
        ),
    ];
    for (said, words) in cases {
        let site = serving(ANYWHERE, saying(said)).await;
        let text = failure(&orders(channel(site.address()))).await;
        assert_eq!(text, format!("gRPC health of shop.Orders: {words}"));
    }
    let site = serving(ANYWHERE, saying(Ok(1))).await;
    passes(&orders(channel(site.address()))).await;
}

#[tokio::test]
async fn tonic_health_is_followed_as_it_turns() {
    let (reporter, service) = health_reporter();
    reporter
        .set_service_status("shop.Orders", tonic_health::ServingStatus::Serving)
        .await;
    let site = serving(ANYWHERE, Routes::new(service)).await;
    let watched = Watched::start("orders", orders(channel(site.address())));
    watched.passes().await;
    let readings: Vec<_> = watched.state().readings().to_vec();
    assert_eq!(readings[0].measurement(), Some("responseTime"));

    reporter
        .set_service_status("shop.Orders", tonic_health::ServingStatus::NotServing)
        .await;
    let said = watched.fails().await;
    assert_eq!(
        said,
        "gRPC health of shop.Orders: the server reports NOT_SERVING"
    );
    reporter
        .set_service_status("shop.Orders", tonic_health::ServingStatus::Serving)
        .await;
    watched.passes().await;
    assert_eq!(site.accepted(), 1);

    // The whole server is the service without a name.
    let channel = channel(site.address());
    passes(&GrpcIndicator::new("all", channel.clone())).await;
    let nobody = GrpcIndicator::new("nobody", channel).service("shop.Nobody");
    let said = failure(&nobody).await;
    assert!(
        said.contains("gRPC health of shop.Nobody: the server does not know this service"),
        "{said}"
    );
}

#[tokio::test]
async fn the_grpc_face_of_this_crate_is_understood() {
    let up = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&up);
    let database = indicator_fn("db", move || {
        let up = seen.load(Ordering::SeqCst);
        async move {
            if up {
                Ok(Observation::pass())
            } else {
                Err("gone")
            }
        }
    });
    let health = Health::builder()
        .readiness(tower_health::Check::new(database).ttl(Duration::from_millis(100)))
        .grpc_service("shop.Orders", ["db"])
        .start()
        .unwrap();
    let app =
        service_fn(async |_: http::Request<Incoming>| Ok::<_, Infallible>(text(404, "a page")));
    let service = HealthLayer::new(health.clone()).layer(app);
    let site = serving(ANYWHERE, service).await;
    let watched = Watched::start("orders", orders(channel(site.address())));
    watched.passes().await;
    up.store(false, Ordering::SeqCst);
    watched
        .turns_with(tower_health::Status::Fail, "NOT_SERVING")
        .await;
    up.store(true, Ordering::SeqCst);
    watched.passes().await;
    let said = failure(&GrpcIndicator::new("x", channel(site.address())).service("x")).await;
    assert!(
        said.contains("the server does not know this service (NotFound)"),
        "{said}"
    );
}

#[tokio::test]
async fn a_channel_with_interceptors_fits() {
    #[derive(Clone)]
    struct Token;
    impl Interceptor for Token {
        fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
            let token = "Bearer hunter2".parse().unwrap();
            request.metadata_mut().insert("authorization", token);
            Ok(request)
        }
    }
    let layered = |address| {
        tower::ServiceBuilder::new()
            .layer(tonic::service::InterceptorLayer::new(Token))
            .service(channel(address))
    };
    let site = serving(ANYWHERE, saying(Ok(1))).await;
    passes(&orders(layered(site.address()))).await;
    let site = serving(ANYWHERE, saying(Ok(2))).await;
    let indicator = orders(layered(site.address()));
    let shown = format!("{} {indicator:?}", failure(&indicator).await);
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn the_defaults_are_those_that_are_documented() {
    let orders = GrpcIndicator::new("orders", channel(ANYWHERE));
    assert_eq!(HealthIndicator::timeout(&orders).unwrap().as_secs(), 2);
    assert_eq!(orders.ttl().unwrap().as_secs(), 5);
    assert_eq!(orders.criticality(), Criticality::Critical);
    assert_eq!(orders.component_type(), Some(ComponentType::Component));
}
