//! A request that passes through allocates what it would without the layer.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use http_body_util::Full;
use hyper::body::Bytes;
use tower::layer::util::Identity;
use tower::{Layer, Service, service_fn};
use tower_health::{Details, Health, HealthLayer, ProbeBody, Status, indicator_fn};

use crate::requests::{cost, plain};
use crate::support::counting::allocations;
use crate::support::layer;
use crate::support::never_ready::NeverReady;

fn app() -> Router {
    Router::new().route("/orders", get(|| async { "the application" }))
}

/// As `axum::serve` does before it serves. Without it axum makes every route anew for each request.
fn served(app: Router) -> Router {
    app.with_state(())
}

fn full(_: ProbeBody) -> Full<Bytes> {
    Full::default()
}

#[test]
fn over_a_plain_service_none_is_added() {
    let bare = cost(&mut service_fn(plain), "/orders");
    assert_eq!(bare, 0);
    assert_eq!(cost(&mut layer().layer(service_fn(plain)), "/orders"), bare);
    let mapped = layer().map_body(full);
    assert_eq!(cost(&mut mapped.layer(service_fn(plain)), "/orders"), bare);
}

#[test]
fn outside_an_axum_router_none_is_added() {
    let bare = cost(&mut served(app()), "/orders");
    assert!(bare > 0);
    assert_eq!(cost(&mut layer().layer(served(app())), "/orders"), bare);
    let mapped = layer().map_body(Body::new);
    assert_eq!(cost(&mut mapped.layer(served(app())), "/orders"), bare);
}

#[test]
fn where_details_may_be_seen_none_is_added() {
    let bare = cost(&mut service_fn(plain), "/orders");
    for details in [Details::bearer("s3cret"), Details::when(|_| false)] {
        let builder = HealthLayer::builder(Health::fixed(Status::Pass));
        let layer = builder.details(details).build().unwrap();
        let mut service = layer.layer(service_fn(plain));
        for path in ["/orders", "/readyz/db", "/a/long/path/to/somewhere/else"] {
            assert_eq!(cost(&mut service, path), bare, "{path}");
        }
    }
}

#[tokio::test]
async fn beside_a_running_refresher_none_is_added() {
    let check = indicator_fn("db", || async { Ok::<_, Infallible>(()) });
    let health = Health::builder().readiness(check).start().unwrap();
    health.await_ready().await.unwrap();
    let mut service = HealthLayer::new(health).layer(service_fn(plain));
    assert_eq!(cost(&mut service, "/orders"), 0);
}

/// Axum boxes a body of another type than its own.
#[test]
fn inside_an_axum_router_at_most_two_are_added_and_none_with_mapped_bodies() {
    let identity = cost(&mut served(app().layer(Identity::new())), "/orders");
    let either = cost(&mut served(app().layer(layer())), "/orders");
    let mapped = cost(
        &mut served(app().layer(layer().map_body(Body::new))),
        "/orders",
    );
    println!("Router::layer: Identity {identity}, enum body {either}, mapped body {mapped}");
    assert!(either <= identity + 2, "{either} against {identity}");
    assert_eq!(mapped, identity);
}

#[test]
fn a_clone_of_the_service_allocates_nothing() {
    let service = layer().layer(service_fn(plain));
    assert_eq!(allocations(|| drop(service.clone())), 0);
    let service = layer().map_body(full).layer(service_fn(plain));
    assert_eq!(allocations(|| drop(service.clone())), 0);
}

#[test]
fn layering_allocates_nothing() {
    let layer = layer();
    assert_eq!(allocations(|| drop(layer.layer(service_fn(plain)))), 0);
}

#[test]
fn a_request_that_has_to_wait_allocates_its_place_and_nothing_else() {
    let mut service = layer().layer(NeverReady);
    let request = Request::new(Body::empty());
    let count = allocations(|| {
        let mut future = pin!(service.call(request));
        for _ in 0..10 {
            let poll = future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            assert!(poll.is_pending());
        }
    });
    assert_eq!(count, 1);
}
