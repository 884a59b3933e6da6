//! A hyper service that is probed from its first moment to its last.
//!
//! ```sh
//! cargo run --example hyper              # settings: ADDR, DATA_DIR, DRAIN_MS
//! curl -i localhost:3000/readyz          # 503 for two seconds, then 200; /startupz too
//! curl -i localhost:3000/livez           # 200
//! curl -i localhost:3000                 # hello, all along; so does --http2-prior-knowledge
//! mv DIR DIR.away                        # the data_dir that it logs: /readyz is 503, the log says why
//! mv DIR.away DIR                        # 200 again
//! pkill -x hyper                         # /readyz is 503, all else is served for five more seconds
//! ```

mod shared;

use std::convert::Infallible;
use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::{conn::auto, graceful::GracefulShutdown};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{Layer, service_fn};
use tower_health::{Gate, Health, HealthLayer};

use shared::{Settings, writable};

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from("hello\n")))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let settings = Settings::from_env()?;

    // It listens before it is ready, so that whoever probes gets an answer from the start.
    let listener = settings.listen().await?;

    let health = Health::builder()
        .readiness(writable(&settings.data_dir))
        .gate("warm-up")
        .drain_delay(settings.drain_delay)
        .start()?;
    tokio::spawn(warm_up(health.gate("warm-up")?));

    let server = serve(listener, &health);
    if health.cap_drain(server).await.is_none() {
        tracing::warn!("connections were still open");
    }
    Ok(())
}

/// Serves until it is told to stop, and then until every connection has ended.
async fn serve(listener: TcpListener, health: &Health) {
    let service = HealthLayer::new(health.clone()).layer(service_fn(hello));
    let http = auto::Builder::new(TokioExecutor::new());
    let connections = GracefulShutdown::new();
    let mut shutdown = pin!(health.shutdown_signal());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => TokioIo::new(stream),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let connection = http.serve_connection(stream, TowerToHyperService::new(service.clone()));
        let connection = connections.watch(connection.into_owned());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection ended early");
            }
        });
    }
    drop(listener);
    connections.shutdown().await;
}

/// Stands for what has to happen before requests can be served: migrations, filling a cache.
async fn warm_up(gate: Gate) {
    tokio::time::sleep(Duration::from_secs(2)).await;
    gate.complete();
}
