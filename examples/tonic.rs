//! A tonic service that is probed over HTTP and gRPC from its first moment to its last.
//!
//! ```sh
//! cargo run --example tonic              # settings: ADDR, DATA_DIR, DRAIN_MS
//! curl -i localhost:3000/readyz          # 503 for two seconds, then 200; /startupz too
//! curl -i localhost:3000/livez           # 200
//! printf '\0\0\0\0\5\n\3bob' |           # hello bob, all along
//!   curl --http2-prior-knowledge -H 'content-type: application/grpc' --data-binary @- \
//!     --output - localhost:3000/hello.Greeter/SayHello
//! grpcurl -plaintext -proto tests/real_clients/health.proto \
//!   -d '{"service": "readiness"}' localhost:3000 grpc.health.v1.Health/Check   # or Watch, or List
//! mv DIR DIR.away                        # the data_dir that it logs: /readyz is 503, the log says why
//! mv DIR.away DIR                        # 200 again
//! pkill -x tonic                         # /readyz is 503, all else is served for five more seconds
//! ```

mod shared;

use std::error::Error;
use std::time::Duration;

use tonic::transport::{Server, server::TcpIncoming};
use tower_health::{Gate, Health, HealthLayer};

use greeter::Greeter;
use shared::{Settings, writable};

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

    let server = Server::builder()
        .accept_http1(true) // probes are HTTP/1
        .layer(HealthLayer::new(health.clone())) // the first layer: outermost
        .add_service(Greeter)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), health.shutdown_signal());
    match health.cap_drain(server).await {
        Some(served) => served?,
        None => tracing::warn!("connections were still open"),
    }
    Ok(())
}

/// Stands for what has to happen before requests can be served: migrations, filling a cache.
async fn warm_up(gate: Gate) {
    tokio::time::sleep(Duration::from_secs(2)).await;
    gate.complete();
}

/// What tonic-build would generate, written by hand so that the example needs no protoc.
mod greeter {
    use std::convert::Infallible;
    use std::task::{Context, Poll};

    use tonic::codegen::{BoxFuture, Service, http};
    use tonic::server::{Grpc, NamedService};
    use tonic::{Request, Response, Status, body::Body};
    use tonic_prost::ProstCodec;
    use tower::service_fn;

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

    #[derive(Clone)]
    pub(super) struct Greeter;

    async fn say_hello(request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        let message = format!("hello {}", request.into_inner().name);
        Ok(Response::new(HelloReply { message }))
    }

    impl NamedService for Greeter {
        const NAME: &'static str = "hello.Greeter";
    }

    impl Service<http::Request<Body>> for Greeter {
        type Response = http::Response<Body>;
        type Error = Infallible;
        type Future = BoxFuture<Self::Response, Infallible>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: http::Request<Body>) -> Self::Future {
            Box::pin(async move {
                if request.uri().path() != "/hello.Greeter/SayHello" {
                    return Ok(Status::unimplemented("no such method").into_http());
                }
                let codec = ProstCodec::<HelloReply, HelloRequest>::default();
                Ok(Grpc::new(codec).unary(service_fn(say_hello), request).await)
            })
        }
    }
}
