//! Limits around the layer and below it: what a gRPC probe gets while the service is full.

use std::convert::Infallible;
use std::future::pending;
use std::task::{Context, Poll};

use axum::Router;
use axum::routing::post;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Bytes;
use tokio::time::timeout;
use tonic::Code;
use tonic::service::Routes;
use tonic::transport::Server;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_health::{Health, HealthLayer, Status};

use crate::calls::{CHECK, WATCH, asking, request};
use crate::connection::{Port, ask, port};
use crate::reply::Reply;
use crate::stream::{SERVING, Stream};
use crate::support::{secs, settle};

/// A call that never ends.
fn routes() -> Routes {
    let router = Router::new().route("/shop.Orders/Wait", post(pending::<()>));
    Routes::from(router)
}

/// Fills the one place of a connection with a call that never ends.
async fn fill(connection: &mut hyper::client::conn::http2::SendRequest<Full<Bytes>>) {
    let call = connection.send_request(call("/shop.Orders/Wait"));
    tokio::spawn(call);
    settle().await;
}

fn call(path: &str) -> Request<Full<Bytes>> {
    request(&format!("http://health.test{path}"), asking(""))
}

fn serve(server: impl FnOnce(HealthLayer) -> ServerWithLayer) -> Port {
    let (port, listener) = port();
    let mut server = server(HealthLayer::new(Health::fixed(Status::Pass)));
    tokio::spawn(
        server
            .add_routes(routes())
            .serve_with_incoming(listener.incoming()),
    );
    port
}

type ServerWithLayer = Server<tower::layer::util::Stack<HealthLayer, tower::layer::util::Identity>>;

#[tokio::test(start_paused = true)]
async fn the_concurrency_limit_of_tonic_keeps_a_probe_waiting() {
    let port = serve(|layer| {
        Server::builder()
            .concurrency_limit_per_connection(1)
            .layer(layer)
    });
    let mut connection = port.http2().await;
    fill(&mut connection).await;
    let check = timeout(secs(60), connection.send_request(call(CHECK))).await;
    assert!(check.is_err(), "it waits for the call that never ends");

    // It counts for each connection: a prober that has its own is answered.
    let check = port.http2().await.send_request(call(CHECK)).await.unwrap();
    assert!(Reply::of(check).await.status().is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_load_shed_of_tonic_refuses_a_probe() {
    let port = serve(|layer| {
        Server::builder()
            .concurrency_limit_per_connection(1)
            .load_shed(true)
            .layer(layer)
    });
    let mut connection = port.http2().await;
    let check = connection.send_request(call(CHECK)).await.unwrap();
    assert!(Reply::of(check).await.status().is_ok());

    fill(&mut connection).await;
    let check = connection.send_request(call(CHECK)).await.unwrap();
    let refused = Reply::of(check).await;
    let code = crate::reply::grpc_status(&refused.headers);
    assert_eq!(code, crate::reply::RESOURCE_EXHAUSTED, "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn an_open_watch_takes_no_place_of_a_concurrency_limit() {
    let port = serve(|layer| {
        Server::builder()
            .concurrency_limit_per_connection(1)
            .layer(layer)
    });
    let mut connection = port.http2().await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let watch = connection.send_request(call(WATCH)).await.unwrap();
        let mut stream = Stream::of(watch);
        assert_eq!(stream.next().await, SERVING);
        streams.push(stream);
    }
    let check = connection.send_request(call(CHECK)).await.unwrap();
    assert!(Reply::of(check).await.status().is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_tonic_ends_no_watch() {
    let port = serve(|layer| Server::builder().timeout(secs(1)).layer(layer));
    let mut client = port.tonic().await;
    let mut stream = client.watch(ask("")).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    let next = timeout(secs(60), stream.message()).await;
    assert!(next.is_err(), "open, and silent");
    assert!(client.check(ask("")).await.is_ok());
}

/// Where they belong: first the layer, then what limits the service.
#[tokio::test(start_paused = true)]
async fn limits_below_the_layer_leave_probes_alone() {
    let (port, listener) = port();
    let layers = ServiceBuilder::new()
        .layer(HealthLayer::new(Health::fixed(Status::Pass)))
        .load_shed()
        .layer(tower::limit::GlobalConcurrencyLimitLayer::new(1))
        .into_inner();
    let server = Server::builder().layer(layers).add_routes(routes());
    tokio::spawn(server.serve_with_incoming(listener.incoming()));
    let mut connection = port.http2().await;
    fill(&mut connection).await;

    let shed = connection.send_request(call("/shop.Orders/Wait")).await;
    let shed = shed.unwrap();
    assert_eq!(shed.headers()["grpc-status"], "8", "an ordinary call");
    let check = connection.send_request(call(CHECK)).await.unwrap();
    assert!(Reply::of(check).await.status().is_ok());
    let watch = connection.send_request(call(WATCH)).await.unwrap();
    assert_eq!(Stream::of(watch).next().await, SERVING);
}

/// A service that never has room.
#[derive(Clone)]
struct NoRoom;

impl<B> Service<Request<B>> for NoRoom {
    type Response = Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = std::future::Pending<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        panic!("called before it was ready")
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_service_keeps_no_probe_waiting() {
    let service = HealthLayer::new(Health::fixed(Status::Fail)).layer(NoRoom);
    for path in [CHECK, crate::calls::LIST] {
        let answer = service.clone().oneshot(request(path, asking("")));
        let answer = timeout(secs(60), answer).await.unwrap().unwrap();
        assert!(Reply::of(answer).await.status().is_ok(), "{path}");
    }
    let other = service
        .clone()
        .oneshot(request("/shop.Orders/Get", asking("")));
    assert!(timeout(secs(60), other).await.is_err(), "it really is full");
    let mut client = tonic_health::pb::health_client::HealthClient::new(service);
    let refused = client.check(ask("nobody")).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}
