//! The contract of tower towards the service below, one rule at a time.

use tower::{Layer, Service};

use super::strict::{Says, Strict};
use super::support::{Polled, get, probes_answer_at_once};
use crate::support::layer;

#[test]
#[should_panic(expected = "called without being ready")]
fn the_strict_service_of_these_tests_notices_a_call_without_readiness() {
    let (mut inner, _world) = Strict::new();
    drop(inner.call(get("/")));
}

#[test]
#[should_panic(expected = "called without being ready")]
fn the_strict_service_of_these_tests_notices_readiness_that_was_of_another_instance() {
    let (mut inner, _world) = Strict::new();
    let ready = inner.poll_ready(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    assert!(ready.is_ready());
    drop(inner.clone().call(get("/")));
}

#[test]
fn readiness_of_the_layer_asks_nothing_of_the_service_below() {
    let (inner, world) = Strict::new();
    let mut service = layer().layer(inner);
    let before = world.touched();
    probes_answer_at_once(&mut service);
    assert_eq!(world.touched(), before);
}

#[test]
fn a_ready_service_is_polled_once_called_once_and_never_cloned() {
    let (inner, world) = Strict::new();
    let mut service = layer().layer(inner);
    for turn in 1..=3 {
        Polled::new(service.call(get("/"))).must_wait();
        assert_eq!(world.touched(), [1, turn, turn]); // made, polled, called
    }
}

#[test]
fn a_request_that_waits_is_served_by_the_instance_that_it_waited_for() {
    let (inner, world) = Strict::new();
    let mut service = layer().layer(inner);
    world.say(Says::Pending);
    let mut first = Polled::new(service.call(get("/1")));
    let mut second = Polled::new(service.call(get("/2")));
    first.must_wait();
    second.must_wait();
    world.say(Says::Ready);
    second.must_wait();
    first.must_wait();
    let served = [(1, "/2".to_owned()), (0, "/1".to_owned())];
    assert_eq!(world.served(), served);
}

#[test]
fn a_request_that_is_served_after_it_waited_is_called_once_however_often_it_is_polled() {
    let (inner, world) = Strict::new();
    let mut service = layer().layer(inner);
    world.say(Says::Pending);
    let mut request = Polled::new(service.call(get("/")));
    request.must_wait();
    request.must_wait();
    world.say(Says::Ready);
    request.must_wait();
    request.output().unwrap();
    assert_eq!(world.served().len(), 1);
}

#[test]
fn a_request_that_is_never_polled_leaves_nothing_behind() {
    let (inner, world) = Strict::new();
    let mut service = layer().layer(inner);
    world.say(Says::Pending);
    drop(service.call(get("/")));
    assert!(world.queued().is_empty());
    assert_eq!(world.alive().len(), 1);
}

#[test]
fn a_clone_has_polled_nothing_whatever_its_original_did() {
    let (inner, world) = Strict::new();
    let mut service = layer().layer(inner);
    world.say(Says::Pending);
    let waiting = service.call(get("/"));
    let clone = service.clone();
    assert_eq!(world.queued().len(), 1);
    drop(waiting);
    assert!(world.queued().is_empty());
    drop(clone);
    assert_eq!(world.alive().len(), 1);
}
