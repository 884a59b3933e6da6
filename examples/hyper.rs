//! A hyper service that is probed from its first moment to its last.
//!
//! ```sh
//! cargo run --example hyper              # settings: ADDR, DATA_DIR, DRAIN_MS
//! curl -i localhost:3000/readyz          # 503 for two seconds, then 200; /startupz too
//! curl -i localhost:3000/livez           # 200
//! curl -i localhost:3000                 # hello, at any time; with --http2-prior-knowledge too
//! mv DIR DIR.away                        # the data_dir in the log: /readyz is 503, the log says why
//! mv DIR.away DIR                        # 200 again
//! pkill -x hyper                         # /readyz is 503, requests are served for five more seconds
//! ```

use std::convert::Infallible;
use std::env::VarError;
use std::error::Error;
use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::pin::pin;
use std::str::FromStr;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::{conn::auto, graceful::GracefulShutdown};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{Layer, service_fn};
use tower_health::{Health, HealthIndicator, HealthLayer, blocking_indicator_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let temporary = tempfile::tempdir()?; // removed at the end
    let data_dir = setting("DATA_DIR")?.unwrap_or_else(|| temporary.path().to_owned());

    // It listens before it is ready, so that probes are answered from the start.
    let addr = setting("ADDR")?.unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&addr).await;
    let listener = listener.map_err(|error| format!("ADDR={addr}: {error}"))?;
    let addr = listener.local_addr()?;
    tracing::info!(%addr, data_dir = %data_dir.display(), "listening");

    let drain_delay = Duration::from_millis(setting("DRAIN_MS")?.unwrap_or(5000));
    let health = Health::builder()
        .readiness(writable(data_dir))
        .gate("warm-up")
        .drain_delay(drain_delay)
        .start()?;

    // Startup, and with it readiness, waits until the gate is completed.
    let warm_up = health.gate("warm-up")?;
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await; // migrations, filling a cache
        warm_up.complete();
    });

    let server = serve(listener, &health);
    // Without the cap, one open stream could hold up the end of the process forever.
    if health.cap_drain(server).await.is_none() {
        tracing::warn!("connections were still open");
    }
    Ok(())
}

/// Accepts connections until the drain delay has passed, then finishes those that are open.
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
    drop(listener); // from here on, connections are refused
    connections.shutdown().await;
}

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from("hello\n")))
}

fn writable(dir: PathBuf) -> impl HealthIndicator {
    blocking_indicator_fn("data-dir", move || {
        let written = tempfile::tempfile_in(&dir).and_then(|mut file| file.write_all(b"probe"));
        written.map_err(|error| format!("cannot write to {}: {error}", dir.display()))
    })
}

/// Reads a setting from the environment. An error names it.
fn setting<T: FromStr<Err: Display>>(name: &str) -> Result<Option<T>, String> {
    match std::env::var(name) {
        Ok(value) if value.is_empty() => Err(format!("{name} is set, but empty")),
        Ok(value) => {
            let parsed = value.parse().map(Some);
            parsed.map_err(|error| format!("{name}={value}: {error}"))
        }
        Err(VarError::NotPresent) => Ok(None),
        Err(error) => Err(format!("{name}: {error}")),
    }
}
