//! Beside the middleware of tower-http, outside and inside.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_health::{Health, HealthLayer, Status};
use tower_http::body::Limited;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use super::support::Answer;
use crate::support::layer;
use crate::support::prober::{FAIL, PASS};

type Body = Full<Bytes>;

fn hello<B: Send + 'static>()
-> impl Service<Request<B>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>
+ Clone {
    service_fn(async |_: Request<B>| Ok(Response::new(Full::new(Bytes::from("hello")))))
}

fn get(path: &str) -> Request<Body> {
    Request::get(path)
        .header("accept-encoding", "gzip")
        .body(Full::default())
        .unwrap()
}

/// Both a probe and a request, through the same stack.
macro_rules! serves {
    ($stack:expr) => {{
        let stack = $stack;
        let probe = stack.clone().oneshot(get("/readyz")).await.unwrap();
        assert_eq!(Answer::of(probe).await.seen(), (200, PASS));
        let request = stack.oneshot(get("/")).await.unwrap();
        assert_eq!(Answer::of(request).await.seen(), (200, "hello"));
    }};
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn compression_stands_outside_and_inside() {
    // Both are too short to be compressed.
    serves!(CompressionLayer::new().layer(layer().layer(hello())));
    serves!(layer().layer(CompressionLayer::new().layer(hello())));
}

#[tokio::test]
async fn trace_stands_outside_and_inside() {
    serves!(TraceLayer::new_for_http().layer(layer().layer(hello())));
    serves!(layer().layer(TraceLayer::new_for_http().layer(hello())));
}

#[tokio::test(start_paused = true)]
async fn timeout_stands_outside_and_inside() {
    let timeout = || TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, MINUTE);
    serves!(timeout().layer(layer().layer(hello())));
    serves!(layer().layer(timeout().layer(hello())));
    let never = service_fn(async |_: Request<Body>| {
        std::future::pending::<Result<Response<Body>, Infallible>>().await
    });
    let outside = timeout().layer(layer().layer(never));
    assert_eq!(outside.oneshot(get("/")).await.unwrap().status(), 408);
}

#[tokio::test]
async fn a_body_limit_stands_inside() {
    serves!(layer().layer(RequestBodyLimitLayer::new(10).layer(hello::<Limited<Body>>())));
}

#[tokio::test]
async fn catch_panic_stands_outside_and_inside() {
    serves!(CatchPanicLayer::new().layer(layer().layer(hello())));
    serves!(layer().layer(CatchPanicLayer::new().layer(hello())));
}

#[tokio::test]
async fn a_panic_that_is_caught_inside_is_no_concern_of_a_probe() {
    let panics = service_fn(
        async |_: Request<Body>| -> Result<Response<Body>, Infallible> { panic!("no pages today") },
    );
    let stack = layer().layer(CatchPanicLayer::new().layer(panics));
    let request = stack.clone().oneshot(get("/")).await.unwrap();
    assert_eq!(request.status(), 500);
    let probe = stack.oneshot(get("/readyz")).await.unwrap();
    assert_eq!(Answer::of(probe).await.seen(), (200, PASS));
}

#[tokio::test]
async fn the_first_layer_of_a_service_builder_answers_before_the_others() {
    let refuse = ServiceBuilder::new()
        .layer(HealthLayer::new(Health::fixed(Status::Fail)))
        .filter(|_: Request<Body>| Err::<Request<Body>, _>("refused"))
        .service(hello().map_err(|never| match never {}));
    let probe = refuse.clone().oneshot(get("/readyz")).await.unwrap();
    assert_eq!(Answer::of(probe).await.seen(), (503, FAIL));
    assert!(refuse.oneshot(get("/")).await.is_err());
}
