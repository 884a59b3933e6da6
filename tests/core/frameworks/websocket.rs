//! An upgrade goes through the layer: a WebSocket that echoes.

use axum::extract::WebSocketUpgrade;
use axum::extract::ws::WebSocket;
use axum::routing::any;
use axum::{Router, ServiceExt, body::Body, extract::Request};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tower::Layer;
use tower_health::{Health, HealthLayer, Status};

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            return;
        }
    }
}

fn app() -> Router {
    Router::new().route(
        "/ws",
        any(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo)),
    )
}

#[tokio::test]
async fn a_websocket_echoes_through_the_layer_inside_and_around_the_router() {
    let layer = HealthLayer::new(Health::fixed(Status::Fail));
    let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let around = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = [inside.local_addr().unwrap(), around.local_addr().unwrap()];
    let routed = app().layer(layer.clone());
    tokio::spawn(async move { axum::serve(inside, routed).await });
    let service = layer.map_body(Body::new).layer(app());
    let make_service = ServiceExt::<Request>::into_make_service(service);
    tokio::spawn(async move { axum::serve(around, make_service).await });
    for address in addresses {
        let (mut socket, _) = connect_async(format!("ws://{address}/ws")).await.unwrap();
        for number in 0..1_000 {
            let message = Message::text(number.to_string());
            socket.send(message.clone()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), message);
        }
        socket.close(None).await.unwrap();
    }
}
