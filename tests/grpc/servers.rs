//! The layer in a tonic server, an axum app and plain hyper: tonic's generated client, and HTTP
//! probers on the same port.

use axum::body::Body;
use axum::routing::post;
use axum::{Router, ServiceExt};
use http::Request;
use hyper::body::Incoming;
use tonic::Code;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::pb::health_check_response::ServingStatus;
use tower::Layer;
use tower_health::{Health, HealthLayer, Status};

use crate::calls::site;
use crate::connection::{Port, ask, port};
use crate::support::{Dial, lapse, secs, settle, steady};

/// A service as an axum app has it beside its pages.
fn router() -> Router {
    Router::new()
        .route("/shop.Orders/Get", post(async || "an order"))
        .fallback(async || "a page of the application")
}

/// What every server has to do when real clients call it.
async fn behaves(name: &str, serve: impl FnOnce(&Health) -> Port) {
    let db = Dial::at(Status::Pass);
    let health = steady()
        .readiness(db.check("db"))
        .grpc_service("shop.Orders", ["db"])
        .start()
        .unwrap();
    let port = serve(&health);
    settle().await;
    let mut client = port.tonic().await;

    let mut check = async |service| {
        let checked = client.check(ask(service)).await;
        checked.map(|response| response.into_inner().status())
    };
    for service in ["", "readiness", "liveness", "startup", "shop.Orders"] {
        let status = check(service).await.unwrap();
        assert_eq!(status, ServingStatus::Serving, "{name} {service:?}");
    }
    let unknown = check("nobody").await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound, "{name}");
    assert_eq!(unknown.message(), "unknown service", "{name}");
    assert_eq!(probes(&port).await, [200, 200, 200], "{name}");

    let mut client = port.tonic().await;
    let mut stream = client.watch(ask("shop.Orders")).await.unwrap().into_inner();
    let mut next = async || {
        let message = stream.message().await;
        message.map(|message| message.unwrap().status())
    };
    assert_eq!(next().await.unwrap(), ServingStatus::Serving, "{name}");
    db.turn(Status::Fail);
    assert_eq!(next().await.unwrap(), ServingStatus::NotServing, "{name}");
    assert_eq!(probes(&port).await, [200, 503, 200], "{name}");
    db.turn(Status::Warn);
    assert_eq!(next().await.unwrap(), ServingStatus::Serving, "{name}");

    health.drain();
    assert_eq!(next().await.unwrap(), ServingStatus::NotServing, "{name}");
    assert_eq!(probes(&port).await, [200, 503, 200], "{name}");
    let end = next().await.unwrap_err();
    assert_eq!(end.code(), Code::Unavailable, "{name}");
    assert_eq!(end.message(), "the server is shutting down", "{name}");
}

async fn probes(port: &Port) -> [u16; 3] {
    let code = async |path| {
        let (code, body) = port.get(path).await;
        assert!(body.starts_with(r#"{"status":"#), "{path}: {body}");
        code
    };
    [
        code("/livez").await,
        code("/readyz").await,
        code("/startupz").await,
    ]
}

fn in_tonic(health: &Health) -> Port {
    let (port, listener) = port();
    let server = Server::builder()
        .accept_http1(true)
        .layer(HealthLayer::new(health.clone()))
        .add_routes(Routes::from(router()));
    tokio::spawn(server.serve_with_incoming(listener.incoming()));
    port
}

#[tokio::test(start_paused = true)]
async fn in_a_tonic_server() {
    behaves("tonic", in_tonic).await;
}

#[tokio::test(start_paused = true)]
async fn as_the_last_layer_of_an_axum_router() {
    behaves("Router::layer", |health| {
        let (port, listener) = port();
        let app = router().layer(HealthLayer::new(health.clone()));
        tokio::spawn(axum::serve(listener, app).into_future());
        port
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn around_an_axum_router() {
    behaves("around a Router", |health| {
        let (port, listener) = port();
        let layer = HealthLayer::new(health.clone()).map_body(Body::new);
        let app = ServiceExt::<Request<Body>>::into_make_service(layer.layer(router()));
        tokio::spawn(axum::serve(listener, app).into_future());
        port
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn in_plain_hyper() {
    behaves("hyper", |health| {
        let (port, listener) = port();
        tokio::spawn(listener.serve(site::<Incoming>(health)));
        port
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn tonic_keeps_its_own_answer_for_unknown_paths() {
    let (port, listener) = port();
    let health = Health::builder().start().unwrap();
    let server = Server::builder()
        .layer(HealthLayer::new(health))
        .add_routes(Routes::default());
    tokio::spawn(server.serve_with_incoming(listener.incoming()));

    let call = crate::calls::request("http://health.test/AWS.ALB/healthcheck", vec![0; 5]);
    let response = port.http2().await.send_request(call).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["grpc-status"], "12");
}

#[tokio::test(start_paused = true)]
async fn a_name_of_five_megabytes_is_refused_to_the_generated_client() {
    let health = Health::builder().start().unwrap();
    let port = in_tonic(&health);
    let mut client = port.tonic().await;
    let refused = client.check(ask(&"x".repeat(5 * 1024 * 1024))).await;
    assert_eq!(refused.unwrap_err().code(), Code::ResourceExhausted);
    assert!(
        client.check(ask("")).await.is_ok(),
        "on the same connection"
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_is_open_as_long_as_nothing_changes() {
    let health = Health::builder().drain_delay(secs(60)).start().unwrap();
    let port = in_tonic(&health);
    let mut client = port.tonic().await;
    let mut stream = client.watch(ask("")).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    lapse(secs(3600)).await;
    health.drain();
    let told = stream.message().await.unwrap().unwrap();
    assert_eq!(told.status(), ServingStatus::NotServing);
}
