//! A service that only answers probes holds no permit and no place in a queue, whatever it did
//! before: other clones get theirs as though it did not exist.

use futures_util::FutureExt;
use http::{Request, Response};
use tower::limit::{ConcurrencyLimit, GlobalConcurrencyLimitLayer};
use tower::{Layer, Service, ServiceExt};
use tower_health::HealthService;
use tower_test::mock;

use super::support::{
    Body, Handle, Mock, Polled, get, ok, probes_answer_at_once, received, received_nothing,
};
use crate::support::layer;

type Limited = HealthService<ConcurrencyLimit<Mock>>;

fn limited() -> (Limited, Handle) {
    let (inner, handle) = mock::pair();
    (layer().layer(ConcurrencyLimit::new(inner, 1)), handle)
}

/// That the one permit there is can be had.
#[track_caller]
fn is_served<S, R>(service: &mut S, handle: &mut Handle)
where
    S: Service<Request<Body>, Response = Response<R>, Error: std::fmt::Debug>,
{
    let mut request = Polled::new(service.call(get("/other")));
    request.must_wait();
    let (path, respond) = received(handle);
    assert_eq!(path, "/other");
    respond.send_response(ok());
    assert_eq!(request.output().unwrap().status(), 200);
}

#[test]
fn one_that_was_polled_for_readiness_before_holds_no_permit() {
    let (mut prober, mut handle) = limited();
    let mut other = prober.clone();
    prober
        .ready()
        .now_or_never()
        .expect("always ready")
        .unwrap();
    probes_answer_at_once(&mut prober);
    is_served(&mut other, &mut handle);
    prober
        .ready()
        .now_or_never()
        .expect("always ready")
        .unwrap();
    is_served(&mut other, &mut handle);
    probes_answer_at_once(&mut prober);
}

#[test]
fn one_that_was_polled_for_readiness_while_the_limit_was_full_stands_in_no_queue() {
    let (mut prober, mut handle) = limited();
    let mut other = prober.clone();
    let mut first = Polled::new(other.call(get("/first")));
    first.must_wait();
    let (_, respond) = received(&mut handle);
    probes_answer_at_once(&mut prober);

    respond.send_response(ok());
    first.output().unwrap();
    is_served(&mut other, &mut handle);
    probes_answer_at_once(&mut prober);
}

#[test]
fn one_whose_waiting_request_was_dropped_stands_in_no_queue() {
    for polls in 0..3 {
        let (mut prober, mut handle) = limited();
        let mut other = prober.clone();
        let mut first = Polled::new(other.call(get("/first")));
        first.must_wait();
        let (_, respond) = received(&mut handle);

        let mut waiting = Polled::new(prober.call(get("/given-up")));
        (0..polls).for_each(|_| waiting.must_wait());
        drop(waiting);
        probes_answer_at_once(&mut prober);

        respond.send_response(ok());
        first.output().unwrap();
        is_served(&mut other, &mut handle);
        probes_answer_at_once(&mut prober);
        received_nothing(&mut handle);
    }
}

#[test]
fn one_whose_waiting_request_was_dropped_when_it_was_its_turn_returns_the_permit() {
    let (mut prober, mut handle) = limited();
    let mut other = prober.clone();
    let mut first = Polled::new(other.call(get("/first")));
    first.must_wait();
    let (_, respond) = received(&mut handle);
    let mut waiting = Polled::new(prober.call(get("/given-up")));
    waiting.must_wait();

    respond.send_response(ok());
    first.output().unwrap();
    assert!(waiting.is_woken());
    drop(waiting);
    is_served(&mut other, &mut handle);
    received_nothing(&mut handle);
}

#[test]
fn one_whose_request_was_dropped_between_its_permit_and_the_readiness_below_returns_it() {
    let (mut prober, mut handle) = limited();
    let mut other = prober.clone();
    handle.allow(0);
    let mut waiting = Polled::new(prober.call(get("/given-up")));
    waiting.must_wait(); // with the permit
    drop(waiting);
    handle.allow(10);
    is_served(&mut other, &mut handle);
    probes_answer_at_once(&mut prober);
}

#[test]
fn one_whose_readiness_failed_returns_the_permit_that_came_before_the_failure() {
    let (mut prober, mut handle) = limited();
    let mut other = prober.clone();
    handle.send_error("broken");
    let failed = prober.call(get("/failed")).now_or_never();
    assert!(failed.expect("failed at once").is_err());
    is_served(&mut other, &mut handle);
    probes_answer_at_once(&mut prober);
}

#[test]
fn one_that_shares_its_limit_with_other_services_starves_none_of_them() {
    let limit = GlobalConcurrencyLimitLayer::new(1);
    let (inner, mut handle) = mock::pair();
    let health = layer();
    let mut prober = health.layer(limit.layer(inner.clone()));
    let mut other = health.layer(limit.layer(inner));
    prober
        .ready()
        .now_or_never()
        .expect("always ready")
        .unwrap();

    let mut first = Polled::new(other.call(get("/first")));
    first.must_wait();
    let (_, respond) = received(&mut handle);
    let mut waiting = Polled::new(prober.call(get("/given-up")));
    waiting.must_wait();
    drop(waiting);
    probes_answer_at_once(&mut prober);

    respond.send_response(ok());
    first.output().unwrap();
    is_served(&mut other, &mut handle);
    is_served(&mut prober, &mut handle);
    is_served(&mut other, &mut handle);
}
