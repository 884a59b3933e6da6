//! One peer cannot take every permit, where the layer knows whose call it is.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::{Router, ServiceExt};
use futures_util::FutureExt;
use http::Request;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::Server;
use tonic::transport::server::{TcpConnectInfo, TcpIncoming};
use tower::{Layer, ServiceExt as _};
use tower_health::{Details, Health, HealthLayer, HealthLayerBuilder, Limits};

use crate::calls::{AppBody, CHECK, LIST, WATCH, around, asking, request};
use crate::reads::{Body, endless};
use crate::reply::{Code, RESOURCE_EXHAUSTED, Reply};
use crate::stream::{SERVING, Stream};
use crate::support::{lapse, secs, steady};

/// What a server knows about a peer.
#[derive(Clone)]
struct Caller(&'static str);

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.watches = 5;
    limits.watches_per_peer = 2;
    limits.pending_calls = 5;
    limits.pending_calls_per_peer = 2;
    limits
}

fn builder() -> HealthLayerBuilder {
    HealthLayer::builder(steady().limits(limits()).start().unwrap())
}

fn knowing(layer: HealthLayerBuilder) -> HealthLayerBuilder {
    layer.grpc_peer(|head| {
        let Caller(name) = head.extensions.get()?;
        assert_ne!(*name, "panics");
        Some(*name)
    })
}

fn by<B>(caller: &'static str, mut call: Request<B>) -> Request<B> {
    call.extensions_mut().insert(Caller(caller));
    call
}

type Watching = Result<http::Response<AppBody>, Code>;

async fn watch(layer: &HealthLayer, call: Request<Full<Bytes>>) -> Watching {
    let response = around(layer).oneshot(call).await.unwrap();
    if response.headers().contains_key("grpc-status") {
        return Err(Reply::of(response).await.status().unwrap_err());
    }
    Ok(response)
}

fn call() -> Request<Full<Bytes>> {
    request(WATCH, asking(""))
}

#[tokio::test(start_paused = true)]
async fn a_peer_has_its_share_of_the_watches_and_leaves_the_rest_to_others() {
    let layer = knowing(builder()).build().unwrap();
    let mut open = Vec::new();
    for peer in ["one", "other"] {
        for _ in 0..2 {
            open.push(watch(&layer, by(peer, call())).await.unwrap());
        }
        for _ in 0..10 {
            let refused = watch(&layer, by(peer, call())).await;
            assert_eq!(refused.unwrap_err(), RESOURCE_EXHAUSTED, "{peer}");
        }
    }
    open.push(watch(&layer, by("third", call())).await.unwrap());
    let refused = watch(&layer, by("third", call())).await;
    assert_eq!(refused.unwrap_err(), RESOURCE_EXHAUSTED, "five in all");

    // A permit goes back to the peer that gave it up, and to all.
    drop(open.remove(0));
    open.push(watch(&layer, by("one", call())).await.unwrap());
    let refused = watch(&layer, by("one", call())).await;
    assert_eq!(refused.unwrap_err(), RESOURCE_EXHAUSTED);
    let mut last = Stream::of(open.pop().unwrap());
    assert_eq!(last.now().await, [SERVING]);
}

#[tokio::test(start_paused = true)]
async fn calls_of_unknown_peers_count_as_those_of_one() {
    let layer = knowing(builder()).build().unwrap();
    let _nobody = watch(&layer, call()).await.unwrap();
    let _panics = watch(&layer, by("panics", call())).await.unwrap();
    for refused in [call(), by("panics", call())] {
        let refused = watch(&layer, refused).await;
        assert_eq!(refused.unwrap_err(), RESOURCE_EXHAUSTED);
    }
    assert!(watch(&layer, by("one", call())).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn without_knowing_peers_only_the_limit_in_all_counts() {
    let layer = builder().build().unwrap();
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(watch(&layer, by("one", call())).await.unwrap());
    }
    let refused = watch(&layer, by("other", call())).await;
    assert_eq!(refused.unwrap_err(), RESOURCE_EXHAUSTED);
}

#[tokio::test(start_paused = true)]
async fn a_peer_has_its_share_of_the_calls_whose_request_does_not_arrive() {
    let layer = knowing(builder()).build().unwrap();
    let begin = |peer: &'static str, path: &str| {
        let call = around::<Body>(&layer).oneshot(by(peer, endless(path)));
        let mut call = Box::pin(call);
        (&mut call).now_or_never().ok_or(call)
    };
    let one = [CHECK, LIST].map(|path| begin("one", path).expect_err("it waits"));
    for path in [CHECK, WATCH, LIST] {
        let refused = begin("one", path).expect("at once").unwrap();
        let refused = Reply::of(refused).await.status();
        assert_eq!(refused, Err(RESOURCE_EXHAUSTED), "{path}");
        drop(begin("other", path).expect_err("it waits"));
    }
    // A whole request needs no permit.
    let check = around(&layer).oneshot(by("one", request(CHECK, asking(""))));
    assert!(Reply::of(check.await.unwrap()).await.status().is_ok());
    drop(one);
    drop(begin("one", CHECK).expect_err("it waits"));
    lapse(secs(1)).await;
}

#[test]
fn the_policy_of_the_layer_still_shows_in_its_debug_text() {
    let layer = knowing(builder_outside())
        .details(Details::always())
        .build();
    assert!(format!("{:?}", layer.unwrap()).contains("PeerOf(..)"));
}

fn builder_outside() -> HealthLayerBuilder {
    HealthLayer::builder(Health::fixed(tower_health::Status::Pass))
}

/// Opens watches over sockets until one is refused, and says how many were open.
async fn watches_until_refused(address: SocketAddr) -> usize {
    let stream = TcpStream::connect(address).await.unwrap();
    let io = TokioIo::new(stream);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let mut open = Vec::new();
    loop {
        let call = request(&format!("http://health.test{WATCH}"), asking(""));
        let response = sender.send_request(call).await.unwrap();
        if response.headers().contains_key("grpc-status") {
            let refused = Reply::of(response).await.status();
            assert_eq!(refused, Err(RESOURCE_EXHAUSTED));
            return open.len();
        }
        open.push(response);
    }
}

// As the guide shows it.
#[tokio::test]
async fn the_address_that_axum_knows_is_a_peer() {
    let layer = builder().grpc_peer(|head| {
        let peer = head.extensions.get::<ConnectInfo<SocketAddr>>()?;
        Some(peer.ip())
    });
    let layer = layer.build().unwrap().map_body(axum::body::Body::new);
    let app = layer.layer(Router::new());
    let app = ServiceExt::<axum::extract::Request>::into_make_service_with_connect_info::<SocketAddr>(
        app,
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    assert_eq!(watches_until_refused(address).await, 2);
}

// As the guide shows it.
#[tokio::test]
async fn the_address_that_tonic_knows_is_a_peer() {
    let layer = builder().grpc_peer(|head| {
        let peer = head.extensions.get::<TcpConnectInfo>()?;
        Some(peer.remote_addr()?.ip())
    });
    let server = Server::builder()
        .layer(layer.build().unwrap())
        .add_routes(tonic::service::Routes::default());
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap();
    tokio::spawn(server.serve_with_incoming(incoming));
    assert_eq!(watches_until_refused(address).await, 2);
}
