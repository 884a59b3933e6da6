//! The answer to a probe allocates what `http::HeaderMap` needs, and what a boxed body does.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use futures_util::future::Either;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{Request, Response};
use tower::{Layer, Service, service_fn};
use tower_health::{Health, HealthLayer, Heartbeat, Probe, ProbeBody, Status, indicator_fn};

use crate::requests::{cost, plain};
use crate::support::counting::allocations;
use crate::support::layer;

const PROBES: [&str; 3] = ["/livez", "/readyz", "/startupz"];

fn app() -> Router {
    Router::new().route("/", get(|| async { "the application" }))
}

/// As `axum::serve` does before it serves.
fn served(app: Router) -> Router {
    app.with_state(())
}

#[test]
fn outside_with_the_body_of_the_layer_at_most_two() {
    let mut service = layer().layer(service_fn(plain));
    for path in PROBES {
        let count = cost(&mut service, path);
        println!("enum body, {path}: {count}");
        assert!(count <= 2, "{path}: {count}");
    }
}

#[test]
fn outside_an_axum_router_with_its_body_at_most_three() {
    let mut service = layer().map_body(Body::new).layer(served(app()));
    for path in PROBES {
        let count = cost(&mut service, path);
        println!("axum body, {path}: {count}");
        assert!(count <= 3, "{path}: {count}");
    }
}

/// What an application would write that needs one path and nothing else.
#[derive(Clone)]
struct ByHand<S>(S);

impl<S> Service<Request<Body>> for ByHand<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<Ready<Result<Response<Body>, S::Error>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.uri().path() != "/livez" {
            return Either::Right(self.0.call(request));
        }
        let response = Response::builder()
            .header(CONTENT_TYPE, "application/health+json")
            .header(CACHE_CONTROL, "no-store")
            .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(CONTENT_LENGTH, "17")
            .body(Body::from(r#"{"status":"pass"}"#));
        Either::Left(ready(Ok(response.unwrap())))
    }
}

#[test]
fn inside_an_axum_router_at_most_nine_and_no_more_than_a_layer_by_hand() {
    let by_hand = app().layer(tower::layer::layer_fn(ByHand));
    let by_hand = cost(&mut served(by_hand), "/livez");
    println!("Router::layer, by hand: {by_hand}");
    for path in PROBES {
        let either = cost(&mut served(app().layer(layer())), path);
        let mapped = cost(&mut served(app().layer(layer().map_body(Body::new))), path);
        println!("Router::layer, {path}: enum body {either}, mapped body {mapped}");
        for count in [either, mapped] {
            assert!(count <= 9, "{path}: {count}");
            assert!(count <= by_hand, "{path}: {count} against {by_hand}");
        }
    }
}

/// One health with all that is looked at for a status: checks, a gate, a heartbeat.
async fn busy() -> (Health, Heartbeat) {
    let mut builder = Health::builder().gate("warm-up");
    for number in 0..100 {
        let name = format!("check-{number}");
        let check = indicator_fn(name, || async { Ok::<_, Infallible>(()) });
        builder = builder.readiness(check);
    }
    let health = builder.start().unwrap();
    health.gate("warm-up").unwrap().complete();
    let heartbeat = health.heartbeat("loop", Duration::from_secs(60)).unwrap();
    health.await_ready().await.unwrap();
    (health, heartbeat)
}

#[tokio::test]
async fn with_a_hundred_checks_as_many_as_with_none() {
    let (health, _heartbeat) = busy().await;
    let mut bare = layer().layer(service_fn(plain));
    let mut busy = HealthLayer::new(health).layer(service_fn(plain));
    for path in PROBES {
        assert_eq!(cost(&mut busy, path), cost(&mut bare, path), "{path}");
    }
}

#[tokio::test]
async fn where_probes_are_counted_as_many_as_where_they_are_not() {
    let counting = Health::builder().count_probe_requests().start().unwrap();
    let mut bare = layer().layer(service_fn(plain));
    let mut counted = HealthLayer::new(counting.clone()).layer(service_fn(plain));
    for path in PROBES.into_iter().chain(["/orders"]) {
        assert_eq!(cost(&mut counted, path), cost(&mut bare, path), "{path}");
    }
    let requests = counting.probe_requests().into_iter();
    assert!(requests.map(|requests| requests.count).sum::<u64>() >= 3);
}

#[tokio::test]
async fn the_status_of_a_handle_allocates_nothing() {
    let (health, _heartbeat) = busy().await;
    for &probe in Probe::ALL {
        assert_eq!(health.status(probe), Status::Pass); // the first finds its place in arc-swap
        let count = allocations(|| {
            for _ in 0..100 {
                health.status(probe);
            }
        });
        assert_eq!(count, 0, "{probe}");
    }
}

#[test]
fn whether_a_request_is_a_probe_allocates_nothing() {
    let layer = layer().map_body(|body: ProbeBody| body);
    for (path, expected) in [("/livez", true), ("/livez/", false)] {
        let request = Request::get(path).body(()).unwrap();
        let count = allocations(|| assert_eq!(layer.is_probe(&request), expected));
        assert_eq!(count, 0, "{path}");
    }
}
