//! `axum::serve`, with the layer inside the router and around it.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use axum::{Router, ServiceExt};
use tokio::net::TcpListener;
use tower::Layer;
use tower_health::{Health, HealthLayer, Status};

use super::support::{Version, ask};
use crate::support::prober::{FAIL, PASS};

fn app() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// The layer inside the router.
async fn serve_inside(health: &Health) -> SocketAddr {
    let (listener, address) = listen().await;
    let app = app().layer(HealthLayer::new(health.clone()));
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// The layer around the router, whose body type `axum::serve` requires.
async fn serve_around(health: &Health) -> SocketAddr {
    let (listener, address) = listen().await;
    let service = HealthLayer::new(health.clone())
        .map_body(Body::new)
        .layer(app());
    let make_service = ServiceExt::<Request>::into_make_service(service);
    tokio::spawn(async move { axum::serve(listener, make_service).await });
    address
}

#[tokio::test]
async fn both_places_answer_probes_and_serve_requests() {
    let health = Health::fixed(Status::Pass);
    for address in [serve_inside(&health).await, serve_around(&health).await] {
        for version in [Version::Http1, Version::Http2] {
            assert_eq!(ask(address, version, "/readyz").await.seen(), (200, PASS));
            assert_eq!(ask(address, version, "/").await.seen(), (200, "hello"));
            assert_eq!(ask(address, version, "/none").await.code, 404);
        }
    }
}

#[tokio::test]
async fn connection_close_is_for_http_1_only() {
    let health = Health::fixed(Status::Pass);
    let address = serve_around(&health).await;
    health.drain();
    let answer = ask(address, Version::Http1, "/readyz").await;
    assert_eq!(answer.seen(), (503, FAIL));
    assert_eq!(answer.headers["connection"], "close");
    let answer = ask(address, Version::Http2, "/readyz").await;
    assert_eq!(answer.seen(), (503, FAIL));
    assert!(!answer.headers.contains_key("connection"));
}
