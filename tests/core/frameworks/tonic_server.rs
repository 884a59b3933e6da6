//! tonic: HTTP probes beside a gRPC service on one port, and what tonic puts outside of layers.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service};
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tower_health::{Health, HealthLayer, Status};

use super::support::{Answer, Version, ask, client, send};
use crate::support::prober::{FAIL, PASS};

/// Answers every call, but not before it is let.
#[derive(Clone, Default)]
struct Slow {
    called: Arc<Notify>,
    let_go: Arc<Notify>,
}

impl NamedService for Slow {
    const NAME: &'static str = "test.Slow";
}

impl Service<http::Request<Body>> for Slow {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        let Self { called, let_go } = self.clone();
        Box::pin(async move {
            called.notify_one();
            let_go.notified().await;
            Ok(tonic::Status::ok("done").into_http())
        })
    }
}

fn call(address: SocketAddr) -> Request<Full<Bytes>> {
    Request::post(format!("http://{address}/test.Slow/Call"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::from(&[0, 0, 0, 0, 0][..]))
        .unwrap()
}

async fn listen() -> (TcpIncoming, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (TcpIncoming::from(listener), address)
}

#[tokio::test]
async fn http_probes_and_grpc_share_a_port_in_both_body_modes() {
    let health = Health::fixed(Status::Fail);
    let slow = Slow::default();
    slow.let_go.notify_one();
    let routes = || Routes::new(slow.clone());
    let (incoming, either) = listen().await;
    let server = Server::builder()
        .accept_http1(true)
        .layer(HealthLayer::new(health.clone()))
        .add_routes(routes());
    tokio::spawn(server.serve_with_incoming(incoming));
    let (incoming, mapped) = listen().await;
    let server = Server::builder()
        .accept_http1(true)
        .layer(HealthLayer::new(health).map_body(Body::new))
        .add_routes(routes());
    tokio::spawn(server.serve_with_incoming(incoming));
    for address in [either, mapped] {
        for version in [Version::Http1, Version::Http2] {
            assert_eq!(ask(address, version, "/livez").await.seen(), (200, PASS));
            assert_eq!(ask(address, version, "/readyz").await.seen(), (503, FAIL));
        }
        slow.let_go.notify_one();
        let answer = send(Version::Http2, call(address)).await;
        assert_eq!(answer.headers["grpc-status"], "0");
    }
}

// tonic's router answers a path that it does not know with grpc-status 12 and HTTP 200.
#[tokio::test]
async fn a_path_that_is_no_probe_reaches_tonic() {
    let (incoming, address) = listen().await;
    let server = Server::builder()
        .layer(HealthLayer::new(Health::fixed(Status::Fail)))
        .add_routes(Routes::new(Slow::default()));
    tokio::spawn(server.serve_with_incoming(incoming));
    let answer = ask(address, Version::Http2, "/AWS.ALB/healthcheck").await;
    assert_eq!(answer.code, 200);
    assert_eq!(answer.headers["grpc-status"], "12");
}

/// A server whose limits of tonic's own are used up by one call that does not end.
async fn saturated(server: Server) -> (SocketAddr, Slow) {
    let (incoming, address) = listen().await;
    let slow = Slow::default();
    let server = server
        .accept_http1(true)
        .layer(HealthLayer::new(Health::fixed(Status::Pass)))
        .add_routes(Routes::new(slow.clone()));
    tokio::spawn(server.serve_with_incoming(incoming));
    tokio::spawn(send(Version::Http2, call(address)));
    slow.called.notified().await;
    (address, slow)
}

// The limit counts for each connection, and a prober has one of its own.
#[tokio::test]
async fn a_probe_on_its_own_connection_is_answered_under_tonics_concurrency_limit() {
    let server = Server::builder().concurrency_limit_per_connection(1);
    let (address, _slow) = saturated(server).await;
    for version in [Version::Http1, Version::Http2] {
        assert_eq!(ask(address, version, "/readyz").await.seen(), (200, PASS));
    }
}

#[tokio::test]
async fn a_probe_on_its_own_connection_is_answered_under_tonics_load_shed() {
    let server = Server::builder()
        .concurrency_limit_per_connection(1)
        .load_shed(true);
    let (address, _slow) = saturated(server).await;
    for version in [Version::Http1, Version::Http2] {
        assert_eq!(ask(address, version, "/readyz").await.seen(), (200, PASS));
    }
}

// What tonic refuses never reaches the layer.
#[tokio::test]
async fn a_probe_on_the_connection_that_is_used_up_is_shed() {
    let server = Server::builder()
        .concurrency_limit_per_connection(1)
        .load_shed(true);
    let (incoming, address) = listen().await;
    let slow = Slow::default();
    let server = server
        .layer(HealthLayer::new(Health::fixed(Status::Pass)))
        .add_routes(Routes::new(slow.clone()));
    tokio::spawn(server.serve_with_incoming(incoming));
    let client = client(Version::Http2);
    let under_way = tokio::spawn(client.request(call(address)));
    slow.called.notified().await;
    let probe = Request::get(format!("http://{address}/readyz"));
    let shed = client
        .request(probe.body(Full::default()).unwrap())
        .await
        .unwrap();
    assert_eq!(shed.headers()["grpc-status"], "8");
    assert!(Answer::of(shed).await.body.is_empty());
    slow.let_go.notify_one();
    assert_eq!(
        under_way.await.unwrap().unwrap().headers()["grpc-status"],
        "0"
    );
}

#[tokio::test]
async fn a_probe_is_answered_within_tonics_timeout() {
    let server = Server::builder().timeout(Duration::from_secs(60));
    let (address, _slow) = saturated(server).await;
    assert_eq!(
        ask(address, Version::Http1, "/readyz").await.seen(),
        (200, PASS)
    );
}
