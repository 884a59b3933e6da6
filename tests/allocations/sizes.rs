//! What the layer adds to the size of services, bodies and response futures.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use tower::util::BoxCloneService;
use tower::{Layer, Service, ServiceBuilder, service_fn};
use tower_health::{EitherBody, HealthService, MapBody, ProbeBody, ResponseBody};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::requests::plain;
use crate::support::layer;

type Answer = Result<Response<Full<Bytes>>, Infallible>;

/// A probe answer until it is made, and the place of a request that waits.
const OWN: usize = 48;
/// What distinguishes the states where the inner future has no bit to spare.
const TAG: usize = align_of::<usize>();

/// The size of the response future, without the layer and with it.
fn sizes<S, B>(name: &str, inner: S) -> (usize, usize)
where
    S: Service<Request<Body>, Response = Response<B>> + Clone,
{
    fn future<S: Service<Request<Body>>>(_: &S) -> usize {
        size_of::<S::Future>()
    }
    let bare = future(&inner);
    let layered = future(&layer().layer(inner));
    println!("{name}: {bare} bytes, with the layer {layered}");
    (bare, layered)
}

/// Holds `N` words across an await.
async fn held<const N: usize>(_: Request<Body>) -> Answer {
    let words = [0_usize; N];
    tokio::task::yield_now().await;
    assert_eq!(words.len(), N);
    Ok(Response::new(Full::default()))
}

/// A future of `N` words without a bit to spare.
struct Dense<const N: usize>([usize; N]);

impl<const N: usize> Future for Dense<N> {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Answer> {
        unreachable!("made for its size: {:?}", self.0)
    }
}

#[test]
fn a_future_that_knows_more_states_than_it_uses_grows_by_nothing() {
    let timeout = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::MAX);
    let stack = || ServiceBuilder::new().layer(timeout);
    let app = Router::<()>::new;
    for (bare, layered) in [
        sizes("ready at once", service_fn(plain)),
        sizes("axum", app()),
        sizes("timeout over axum", stack().service(app())),
        sizes(
            "timeout over a large async fn",
            stack().service(service_fn(held::<512>)),
        ),
        sizes(
            "limit over axum",
            ServiceBuilder::new().concurrency_limit(1).service(app()),
        ),
        sizes(
            "trace over axum",
            ServiceBuilder::new()
                .layer(TraceLayer::new_for_http())
                .service(app()),
        ),
    ] {
        assert!(bare >= OWN);
        assert_eq!(layered, bare);
    }
}

/// The compiler keeps the states of an async fn to itself.
#[test]
fn a_future_that_uses_every_bit_grows_by_a_tag() {
    for (bare, layered) in [
        sizes("a small async fn", service_fn(held::<0>)),
        sizes("a large async fn", service_fn(held::<512>)),
        sizes("six words", service_fn(|_: Request<Body>| Dense([0; 6]))),
        sizes("many words", service_fn(|_: Request<Body>| Dense([0; 512]))),
    ] {
        assert!(bare >= OWN);
        assert!(layered <= bare + TAG, "{layered} against {bare}");
    }
}

#[test]
fn a_future_that_is_smaller_grows_to_what_a_probe_needs() {
    for (bare, layered) in [
        sizes("boxed", BoxCloneService::new(service_fn(plain))),
        sizes("nothing", service_fn(|_: Request<Body>| Dense([]))),
        sizes("a word", service_fn(|_: Request<Body>| Dense([0]))),
        sizes("five words", service_fn(|_: Request<Body>| Dense([0; 5]))),
    ] {
        assert!(bare < OWN);
        assert!(layered <= OWN, "{layered} against {bare}");
    }
}

/// A service, a request and an error that are as large as may be, and a future that is not.
#[derive(Clone)]
struct Heavy([usize; 512]);

impl Service<Request<Full<HeavyBytes>>> for Heavy {
    type Response = Response<Full<Bytes>>;
    type Error = [usize; 512];
    type Future = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, [usize; 512]>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), [usize; 512]>> {
        Poll::Ready(Err(self.0))
    }

    fn call(&mut self, _: Request<Full<HeavyBytes>>) -> Self::Future {
        Box::pin(ready(Err(self.0)))
    }
}

type HeavyBytes = std::io::Cursor<[u8; 4096]>;

#[test]
fn what_waits_does_not_enlarge_a_future_however_large_it_is() {
    type Layered = <HealthService<Heavy> as Service<Request<Full<HeavyBytes>>>>::Future;
    assert!(size_of::<Layered>() <= OWN, "{}", size_of::<Layered>());
}

#[test]
fn a_service_grows_by_one_pointer() {
    type Mapped = HealthService<(), MapBody<fn(ProbeBody) -> Body>>;
    assert_eq!(
        size_of::<HealthService<(), EitherBody>>(),
        size_of::<usize>()
    );
    assert_eq!(size_of::<Mapped>(), 2 * size_of::<usize>());
    let function = layer().map_body(Body::new::<ProbeBody>).layer(());
    assert_eq!(size_of_val(&function), size_of::<usize>());
}

#[test]
fn a_body_grows_to_what_a_probe_needs_and_by_no_more_than_a_tag() {
    let probe = size_of::<ProbeBody>();
    println!("a probe's body: {probe} bytes");
    assert!(probe <= 40);
    assert!(size_of::<ResponseBody<Full<Bytes>>>() <= probe);
    assert!(size_of::<ResponseBody<Body>>() <= probe);
    assert!(size_of::<ResponseBody<[usize; 64]>>() <= size_of::<[usize; 65]>());
}
