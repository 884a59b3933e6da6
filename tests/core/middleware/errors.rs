//! Errors of readiness: they reach the request that polled, and no other.

use futures_util::FutureExt;
use tower::{Layer, Service, ServiceExt};
use tower_test::mock;

use super::strict::{Says, Strict};
use super::support::{Body, Polled, get, ok, probes_answer_at_once, received, received_nothing};
use crate::support::layer;

#[test]
fn an_error_of_readiness_reaches_the_request_and_no_probe() {
    let (inner, mut handle) = mock::pair();
    let mut service = layer().layer(inner);
    handle.send_error("broken");
    service
        .ready()
        .now_or_never()
        .expect("always ready")
        .unwrap();
    probes_answer_at_once(&mut service);

    let failed = service.call(get("/")).now_or_never().expect("fails now");
    assert_eq!(failed.unwrap_err().to_string(), "broken");
    probes_answer_at_once(&mut service);
    received_nothing(&mut handle);
}

#[test]
fn an_error_of_readiness_reaches_the_request_that_waits_and_no_probe() {
    let (inner, mut handle) = mock::pair();
    let mut service = layer().layer(inner);
    handle.allow(0);
    let mut waiting = Polled::new(service.call(get("/")));
    waiting.must_wait();

    handle.send_error("broken");
    assert!(waiting.is_woken());
    probes_answer_at_once(&mut service);
    assert_eq!(waiting.output().unwrap_err().to_string(), "broken");
    probes_answer_at_once(&mut service);
    received_nothing(&mut handle);
}

#[test]
fn a_service_below_that_is_gone_fails_requests_and_no_probe() {
    let (inner, handle) = mock::pair::<_, http::Response<Body>>();
    let mut service = layer().layer(inner);
    drop(handle);
    for _ in 0..2 {
        let failed = service.call(get("/")).now_or_never().expect("fails now");
        assert!(failed.unwrap_err().is::<mock::error::Closed>());
        probes_answer_at_once(&mut service);
    }
}

#[test]
fn after_an_error_the_next_request_is_served_by_a_fresh_clone() {
    let (inner, world) = Strict::new();
    let mut service = layer().layer(inner);
    world.say(Says::Broken);
    let failed = service.call(get("/1")).now_or_never().expect("fails now");
    failed.unwrap_err();
    assert_eq!(world.failed(), [0]);
    assert_eq!(world.alive(), [1]); // what failed is discarded

    world.say(Says::Ready);
    Polled::new(service.call(get("/2"))).must_wait();
    assert_eq!(world.served(), [(1, "/2".to_owned())]);
}

#[test]
fn after_an_error_while_it_waited_the_next_request_is_served_by_another_clone() {
    let (inner, world) = Strict::new();
    let mut service = layer().layer(inner);
    world.say(Says::Pending);
    let mut waiting = Polled::new(service.call(get("/1")));
    waiting.must_wait();
    world.say(Says::Broken);
    waiting.output().unwrap_err();
    assert_eq!(world.failed(), [0]);
    assert_eq!(world.alive(), [1]);

    world.say(Says::Ready);
    Polled::new(service.call(get("/2"))).must_wait();
    assert_eq!(world.served(), [(1, "/2".to_owned())]);
}

#[test]
fn a_request_that_fails_below_after_it_waited_returns_that_error() {
    let (inner, mut handle) = mock::pair();
    let mut service = layer().layer(inner);
    handle.allow(0);
    let mut waiting = Polled::new(service.call(get("/1")));
    waiting.must_wait();
    handle.allow(2);
    waiting.must_wait();
    let (_, respond) = received(&mut handle);
    respond.send_error("refused");
    assert_eq!(waiting.output().unwrap_err().to_string(), "refused");

    let mut next = Polled::new(service.call(get("/2")));
    next.must_wait();
    let (_, respond) = received(&mut handle);
    respond.send_response(ok());
    next.output().unwrap();
}
