//! A tonic service that is probed over HTTP and gRPC from its first moment to its last.
//!
//! ```sh
//! cargo run --example tonic              # settings: ADDR, DATA_DIR, DRAIN_MS
//! curl -i localhost:3000/readyz          # 503 for two seconds, then 200; /startupz too
//! curl -i localhost:3000/livez           # 200
//! printf '\0\0\0\0\5\n\3bob' |           # hello bob, at any time
//!   curl --http2-prior-knowledge -H 'content-type: application/grpc' --data-binary @- \
//!     --output - localhost:3000/hello.Greeter/SayHello
//! grpcurl -plaintext -proto tests/real/clients/health.proto \
//!   -d '{"service": "readiness"}' localhost:3000 grpc.health.v1.Health/Check   # or Watch, or List
//! mv DIR DIR.away                        # the data_dir in the log: /readyz is 503, the log says why
//! mv DIR.away DIR                        # 200 again
//! pkill -x tonic                         # /readyz is 503, requests are served for five more seconds
//! ```

use std::env::VarError;
use std::error::Error;
use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use axum::{Router, http, routing::post};
use tokio::net::TcpListener;
use tonic::server::Grpc;
use tonic::transport::{Server, server::TcpIncoming};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;
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

    let greeter = Router::new().route("/hello.Greeter/SayHello", post(greeter));
    let server = Server::builder()
        .accept_http1(true) // probes are HTTP/1
        .layer(HealthLayer::new(health.clone())) // the first layer: outermost
        .add_routes(greeter.into())
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), health.shutdown_signal());
    // Without the cap, one open stream could hold up the end of the process forever.
    match health.cap_drain(server).await {
        Some(served) => served?,
        None => tracing::warn!("connections were still open"),
    }
    Ok(())
}

async fn say_hello(request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
    let message = format!("hello {}", request.into_inner().name);
    Ok(Response::new(HelloReply { message }))
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

// What tonic-build would generate, by hand, so that the example needs no protoc.

#[derive(Clone, PartialEq, prost::Message)]
struct HelloRequest {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HelloReply {
    #[prost(string, tag = "1")]
    message: String,
}

async fn greeter(request: axum::extract::Request) -> http::Response<tonic::body::Body> {
    let codec = ProstCodec::<HelloReply, HelloRequest>::default();
    Grpc::new(codec).unary(service_fn(say_hello), request).await
}
