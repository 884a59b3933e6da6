//! Memory: of a server that answers a million probes, and of open watches.

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::poll_fn;
use std::pin::Pin;

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, Uri, Version};
use tonic_health::server::health_reporter;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_health::{Health, HealthLayer};

use super::generator::h2load;
use super::scenario::Scenario;
use super::server::Server;
use crate::alloc::cost;
use crate::controls::plain;
use crate::questions::TONIC_HEALTH;
use crate::refresher::block_on;
use crate::table::{Row, Section, with_unit};
use crate::timing::Spread;

/// Probes between two readings of the memory.
const STEP: u64 = 125_000;

/// Readings in each half of the comparison: a million probes.
const READINGS: usize = 8;

/// Resident memory of a server while it answers 2.5 million probes.
///
/// The first of them are warm-up: the allocator keeps what buffers and connections took at the
/// busiest moment. What grows with the number of probes grows in the second million as it did in
/// the first, so their medians are compared.
pub(super) fn resident() -> Section {
    let mut server = Server::start(Scenario::Outside);
    let fresh = server.state().kibibytes as f64;
    let mut after = |probes| {
        h2load(server.port, "/readyz", probes, 10, 20);
        server.state().kibibytes as f64
    };
    let warm = after(4 * STEP);
    let [first, second] = [(); 2].map(|()| {
        let readings = (0..READINGS).map(|_| after(STEP));
        Spread::of(readings.collect())
    });
    // A quarter of a byte for each of the million probes between.
    let limit = Some(256.0);
    let quartiles = |spread: Spread| {
        let [low, high] = [spread.low, spread.high].map(|value| with_unit(value, ""));
        format!("{low}–{high} KiB")
    };
    let rows = vec![
        Row::difference(
            "warm-up, half a million probes",
            "KiB",
            warm,
            ("before the first", fresh),
            None,
        ),
        Row::difference(
            "during the second million after it",
            "KiB",
            second.median,
            ("the first million", first.median),
            limit,
        ),
        Row::new("quartiles of the first million", quartiles(first)),
        Row::new("quartiles of the second million", quartiles(second)),
    ];
    (
        "Resident memory of a server that is probed over HTTP/2",
        rows,
    )
}

const WATCHES: usize = 1000;

/// What the heap keeps for a watch, without its connection.
pub(crate) fn per_watch() -> Section {
    let (ours, theirs) = block_on(async {
        let health = Health::builder().start().expect("every setting is right");
        let ours = kept(HealthLayer::new(health).layer(service_fn(plain))).await;
        let theirs = kept(health_reporter().1).await;
        (ours, theirs)
    });
    let row = Row::ratio("kept on the heap", "B", ours, (TONIC_HEALTH, theirs), None);
    ("Memory of an open gRPC Watch", vec![row])
}

async fn kept<S, B>(service: S) -> f64
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone,
    B: http_body::Body<Error: Debug>,
{
    // What is made once for a process is made with the first.
    let _first = watch(service.clone()).await;
    let mut open = Vec::with_capacity(WATCHES);
    let mut bytes = 0;
    for _ in 0..WATCHES {
        // A task of tokio may do only so much at once.
        tokio::task::yield_now().await;
        let mut opening = Box::pin(watch(service.clone()));
        // Nothing but this watch runs on this thread between the two counts: it is ready at once.
        let (watch, cost) = cost(|| futures_util::FutureExt::now_or_never(&mut opening));
        open.push(watch.expect("a first message at once"));
        bytes += cost.kept;
    }
    bytes as f64 / WATCHES as f64
}

/// Opens a watch of the service `""`, and reads its first message.
async fn watch<S, B>(service: S) -> Pin<Box<B>>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    B: http_body::Body<Error: Debug>,
{
    let mut request = Request::new(Body::from(&[0_u8; 5][..]));
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = Uri::from_static("/grpc.health.v1.Health/Watch");
    let grpc = HeaderValue::from_static("application/grpc");
    request.headers_mut().insert(CONTENT_TYPE, grpc);
    let response = service.oneshot(request).await;
    let response = response.unwrap_or_else(|never| match never {});
    let mut body = Box::pin(response.into_body());
    let first = poll_fn(|cx| body.as_mut().poll_frame(cx)).await;
    assert!(first.expect("a message").is_ok());
    body
}
