//! A graceful shutdown waits for open streams: a watch must not hold it up. Real servers on real
//! sockets, with a drain delay that is short.

use std::time::{Duration, Instant};

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tonic::service::Routes;
use tonic::transport::{Endpoint, Server};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tower_health::{Health, HealthLayer};

use crate::connection::ask;
use crate::support::PATIENCE;

const DELAY: Duration = Duration::from_millis(200);

/// Drains with a watch open, and holds the stream until the server is gone.
async fn ends_in_good_order<E: std::fmt::Debug>(
    name: &str,
    serve: impl AsyncFnOnce(TcpListener, Health, oneshot::Receiver<()>) -> Result<(), E>,
) {
    let health = Health::builder().drain_delay(DELAY).start().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel();
    let server = serve(listener, health, stopped);
    let client = async {
        let channel = Endpoint::from_shared(address).unwrap().connect().await;
        let mut client = HealthClient::new(channel.unwrap());
        let mut stream = client.watch(ask("")).await.unwrap().into_inner();
        let first = stream.message().await.unwrap().unwrap();
        assert_eq!(first.status(), ServingStatus::Serving, "{name}");

        let asked = Instant::now();
        stop.send(()).unwrap();
        let second = stream.message().await.unwrap().unwrap();
        assert_eq!(second.status(), ServingStatus::NotServing, "{name}");
        let end = stream.message().await.unwrap_err();
        assert_eq!(end.code(), tonic::Code::Unavailable, "{name}");
        // It cannot have been shorter, however fast the machine.
        assert!(asked.elapsed() >= DELAY, "{name}");
        (client, stream)
    };
    let (served, held) = timeout(PATIENCE, async { tokio::join!(server, client) })
        .await
        .unwrap_or_else(|_| panic!("{name}: the watch held the server up"));
    served.unwrap();
    drop(held);
}

#[tokio::test]
async fn a_tonic_server_ends_although_a_watch_is_open() {
    ends_in_good_order("tonic", async |listener, health, stopped| {
        let shutdown = health.drain_on(async {
            let _ = stopped.await;
        });
        Server::builder()
            .layer(HealthLayer::new(health.clone()))
            .add_routes(Routes::default())
            .serve_with_incoming_shutdown(
                tonic::transport::server::TcpIncoming::from(listener),
                shutdown,
            )
            .await
    })
    .await;
}

#[tokio::test]
async fn an_axum_server_ends_although_a_watch_is_open() {
    ends_in_good_order("axum", async |listener, health, stopped| {
        let shutdown = health.drain_on(async {
            let _ = stopped.await;
        });
        let app = Router::new().layer(HealthLayer::new(health.clone()));
        axum::serve(listener, app)
            .with_graceful_shutdown(shutdown)
            .await
    })
    .await;
}
