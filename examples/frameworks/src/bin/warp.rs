//! warp: the layer around `warp::service`, which hyper serves.
//!
//! ```sh
//! cargo run --manifest-path examples/frameworks/Cargo.toml --bin warp
//! curl -i localhost:3000/readyz
//! ```

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::{conn::auto, graceful::GracefulShutdown};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::Layer;
use tower_health::{Health, HealthLayer, indicator_fn};
use warp::Filter;

pub async fn serve(listener: TcpListener, probes: HealthLayer, shutdown: impl Future<Output = ()>) {
    let routes = warp::path::end().map(|| "hello\n");
    let service = TowerToHyperService::new(probes.layer(warp::service(routes)));

    let http = auto::Builder::new(TokioExecutor::new());
    let connections = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await; // Too many open files?
            continue;
        };
        let connection = http.serve_connection(TokioIo::new(stream), service.clone());
        tokio::spawn(connections.watch(connection.into_owned()));
    }
    drop(listener);
    connections.shutdown().await;
}

async fn ping() -> io::Result<()> {
    Ok(()) // Ping your database here.
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let health = Health::builder()
        .readiness(indicator_fn("db", ping))
        .start()?;
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    let server = serve(
        listener,
        HealthLayer::new(health.clone()),
        health.shutdown_signal(),
    );
    health.cap_drain(server).await;
    Ok(())
}
