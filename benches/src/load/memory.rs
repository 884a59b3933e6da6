//! Memory: of a server that answers a million probes, and of open watches.

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::poll_fn;
use std::pin::Pin;

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, Uri, Version};
use tokio::runtime::Builder;
use tonic_health::server::health_reporter;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_health::{Health, HealthLayer};

use super::generator::h2load;
use super::scenario::Scenario;
use super::server::Server;
use crate::catalogue::{TONIC_HEALTH, plain};
use crate::counting::cost;
use crate::table::{Of, Row, Section, number};
use crate::timing::Spread;

/// Probes between two looks at the memory.
const STEP: u64 = 125_000;

/// Looks in each half of what is compared: a million probes.
const LOOKS: usize = 8;

/// Resident memory of a server while it answers 2.5 million probes.
///
/// It grows with the first of them, and is not the same twice: the allocator keeps what buffers and
/// connections took at the busiest moment. That is warm-up. What grows with the number of probes
/// grows in the second million as it did in the first, so their medians are compared.
pub(super) fn resident() -> Section {
    let mut section = Section::new("Resident memory of a server that is probed over HTTP/2");
    let mut server = Server::start(Scenario::Outside);
    let fresh = server.state().kibibytes as f64;
    let mut after = |probes| {
        h2load(server.port, "/readyz", probes, 10, 20);
        server.state().kibibytes as f64
    };
    let warm = after(4 * STEP);
    section.rows.push(Row::difference(
        "warm-up, half a million probes",
        "KiB",
        warm,
        Of("before the first", fresh),
        None,
    ));
    let [first, second] = [(); 2].map(|()| {
        let looks = (0..LOOKS).map(|_| after(STEP));
        Spread::of(looks.collect())
    });
    section.rows.push(Row::difference(
        "during the second million after it",
        "KiB",
        second.median,
        Of("the first million", first.median),
        // A quarter of a byte for each of the million probes between.
        Some(256.0),
    ));
    section.rows.push(Row::note(
        "quartiles of what was seen",
        format!(
            "first million {}–{} KiB, second million {}–{} KiB",
            number(first.low),
            number(first.high),
            number(second.low),
            number(second.high)
        ),
    ));
    section
}

const WATCHES: usize = 1000;

/// What the heap keeps for a watch, without that of its connection.
pub(super) fn per_watch() -> Section {
    let mut section = Section::new("Memory of an open gRPC Watch");
    let runtime = Builder::new_current_thread().enable_all().build();
    let (ours, theirs) = runtime.expect("a runtime").block_on(async {
        let health = Health::builder().start().expect("every setting is right");
        let ours = kept(HealthLayer::new(health).layer(service_fn(plain))).await;
        let theirs = kept(health_reporter().1).await;
        (ours, theirs)
    });
    section.rows.push(Row::ratio(
        "kept on the heap",
        "B",
        ours,
        Of(TONIC_HEALTH, theirs),
        None,
    ));
    section
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

/// Opens a watch of the service `""`, and reads what it says first.
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
