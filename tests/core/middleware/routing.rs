//! What reaches the service below, and what it never hears of.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use http::{Method, Request, Response};
use http_body_util::Full;
use tower::{Layer, Service};
use tower_health::{Details, Health, HealthLayer, Probe, ProbeBody, Status};
use tower_test::mock;

use super::support::{Body, get, ok, received, received_nothing};
use crate::support::layer;

const METHODS: [&str; 10] = [
    "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PURGE",
];

/// A service that must not be touched at all.
struct Untouchable;

impl Clone for Untouchable {
    fn clone(&self) -> Self {
        panic!("cloned")
    }
}

impl Service<Request<Body>> for Untouchable {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        panic!("asked for readiness")
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        panic!("called")
    }
}

fn is_answered<M>(layer: &HealthLayer<M>, path: &str)
where
    M: tower_health::WrapBody<Body> + Clone,
{
    for method in METHODS {
        let mut service = layer.layer(Untouchable);
        let mut request = get(path);
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        let ready = service.poll_ready(&mut Context::from_waker(std::task::Waker::noop()));
        assert!(ready.is_ready(), "{method} {path}");
        let answer = service.call(request).now_or_never();
        assert!(answer.is_some(), "{method} {path}");
    }
}

#[test]
fn a_probe_neither_calls_nor_polls_nor_clones_the_inner_service() {
    for path in [
        "/livez",
        "/readyz",
        "/startupz",
        "/readyz?verbose&exclude=db",
        "http://shop:8080/livez",
    ] {
        is_answered(&layer(), path);
        is_answered(&layer().map_body(|_: ProbeBody| Full::default()), path);
    }
}

#[test]
fn a_probe_at_a_configured_path_does_not_reach_the_inner_service() {
    let builder = HealthLayer::builder(Health::fixed(Status::Fail)).details(Details::always());
    let layer = builder
        .path("/up", Probe::Liveness)
        .alias("/health", Probe::Readiness)
        .prefix("/internal")
        .build()
        .unwrap();
    for path in [
        "/internal/up",
        "/internal/health",
        "/internal/readyz",
        "/internal/startupz",
        "/internal/readyz/fixed",
        "/internal/readyz?verbose",
    ] {
        is_answered(&layer, path);
    }
}

/// That `path` arrives below the layer, whatever the method.
#[track_caller]
fn is_passed_on(layer: &HealthLayer, path: &str) {
    let (inner, mut handle) = mock::pair();
    let mut service = layer.layer(inner);
    for method in METHODS {
        let mut request = get(path);
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        let future = service.call(request);
        let (given, respond) = received(&mut handle);
        assert_eq!(given, get(path).uri().path(), "{method}");
        received_nothing(&mut handle);
        respond.send_response(ok());
        assert!(future.now_or_never().unwrap().is_ok(), "{method} {path}");
    }
}

#[test]
fn every_path_but_exactly_those_of_the_probes_reaches_the_inner_service() {
    for path in [
        "/",
        "*",
        "shop.example:443",
        "/livez/",
        "//livez",
        "/LIVEZ",
        "/livez;v=1",
        "/%6civez",
        "/readyz%3Fverbose",
        "/readyz%00",
        "/./readyz",
        "/a/readyz",
        "/readyz/db",
        "/ready",
        "/?path=/readyz",
        "/a-path-that-is-a-good-deal-longer-than-that-of-any-probe",
    ] {
        is_passed_on(&layer(), path);
    }
}

#[test]
fn a_path_that_was_given_up_reaches_the_inner_service() {
    let builder = HealthLayer::builder(Health::fixed(Status::Pass));
    let layer = builder.path("/up", Probe::Liveness).build().unwrap();
    is_passed_on(&layer, "/livez");
    let builder = HealthLayer::builder(Health::fixed(Status::Pass));
    let layer = builder.prefix("/internal").build().unwrap();
    is_passed_on(&layer, "/readyz");
}

#[test]
fn a_check_belongs_to_the_inner_service_for_all_who_may_not_see_it() {
    for details in [
        Details::never(),
        Details::bearer("s3cret"),
        Details::when(|_| false),
    ] {
        let builder = HealthLayer::builder(Health::fixed(Status::Pass));
        let layer = builder.details(details).build().unwrap();
        is_passed_on(&layer, "/readyz/fixed");
    }
}

#[test]
fn a_path_below_a_probe_that_names_no_check_reaches_the_inner_service_for_every_caller() {
    let builder = HealthLayer::builder(Health::fixed(Status::Pass));
    let layer = builder.details(Details::always()).build().unwrap();
    for path in [
        "/readyz/",
        "/readyz/unknown",
        "/livez/fixed",
        "/readyz/a/b",
        "/readyzz/db",
        "/other/db",
    ] {
        is_passed_on(&layer, path);
    }
}
