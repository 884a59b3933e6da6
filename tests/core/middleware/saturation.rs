//! In front of a service whose every place is taken, or that never has one.

use std::fmt::Debug;
use std::time::Duration;

use futures_util::FutureExt;
use http::{Request, Response};
use tower::limit::{ConcurrencyLimit, GlobalConcurrencyLimitLayer};
use tower::load_shed::{LoadShed, error::Overloaded};
use tower::{Layer, Service};
use tower_test::mock;

use super::support::{
    Body, Handle, Polled, get, ok, probes_answer_at_once, received, received_nothing,
};
use crate::support::layer;
use crate::support::never_ready::NeverReady;

/// One request is being served; what comes behind it waits, and is served once when its turn is.
fn the_second_waits_and_is_served_once<S, R>(mut service: S, handle: &mut Handle)
where
    S: Service<Request<Body>, Response = Response<R>, Error: Debug>,
{
    let mut first = Polled::new(service.call(get("/1")));
    first.must_wait();
    let (path, respond) = received(handle);
    assert_eq!(path, "/1");
    probes_answer_at_once(&mut service);

    let mut second = Polled::new(service.call(get("/2")));
    second.must_wait();
    probes_answer_at_once(&mut service);
    received_nothing(handle);
    assert!(!second.is_woken());

    respond.send_response(ok());
    assert!(first.is_woken());
    first.output().unwrap(); // and dropped: only then does the limit get its permit back
    assert!(second.is_woken());
    second.must_wait();
    let (path, respond) = received(handle);
    assert_eq!(path, "/2");
    probes_answer_at_once(&mut service);

    respond.send_response(ok());
    assert!(second.is_woken());
    second.output().unwrap();
    received_nothing(handle);
}

#[test]
fn behind_a_full_limit_probes_answer_and_a_request_waits_its_turn() {
    let (inner, mut handle) = mock::pair();
    let service = layer().layer(ConcurrencyLimit::new(inner, 1));
    the_second_waits_and_is_served_once(service, &mut handle);
}

#[test]
fn behind_a_full_limit_that_services_share_a_request_waits_its_turn() {
    let (inner, mut handle) = mock::pair();
    let shared = GlobalConcurrencyLimitLayer::new(1);
    let service = layer().layer(shared.layer(inner));
    the_second_waits_and_is_served_once(service, &mut handle);
}

#[test]
fn behind_a_service_that_is_not_ready_a_request_waits_its_turn() {
    let (inner, mut handle) = mock::pair();
    let mut service = layer().layer(inner);
    handle.allow(0);
    let mut waiting = Polled::new(service.call(get("/1")));
    waiting.must_wait();
    probes_answer_at_once(&mut service);
    received_nothing(&mut handle);

    handle.allow(1);
    assert!(waiting.is_woken());
    waiting.must_wait();
    let (path, respond) = received(&mut handle);
    assert_eq!(path, "/1");
    respond.send_response(ok());
    assert_eq!(waiting.output().unwrap().status(), 200);
    received_nothing(&mut handle);
}

#[test]
fn requests_that_wait_are_served_in_the_order_in_which_they_came() {
    let (inner, mut handle) = mock::pair();
    let mut service = layer().layer(ConcurrencyLimit::new(inner, 1));
    let mut waiting: Vec<_> = ["/0", "/1", "/2", "/3"]
        .map(|path| Polled::new(service.call(get(path))))
        .into();
    for turn in 0..4 {
        probes_answer_at_once(&mut service);
        // Every request polls, and only the first in line gets in.
        waiting.iter_mut().rev().for_each(Polled::must_wait);
        let (path, respond) = received(&mut handle);
        assert_eq!(path, format!("/{turn}"));
        received_nothing(&mut handle);
        respond.send_response(ok());
        waiting.remove(0).output().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn in_front_of_a_service_that_is_never_ready_only_probes_are_answered() {
    let mut service = layer().layer(NeverReady);
    probes_answer_at_once(&mut service);
    let request = service.call(get("/"));
    let year = Duration::from_secs(365 * 24 * 3600);
    assert!(tokio::time::timeout(year, request).await.is_err());
    probes_answer_at_once(&mut service);
}

#[test]
fn load_shed_below_the_layer_refuses_requests_and_no_probe() {
    let (inner, mut handle) = mock::pair();
    let mut service = layer().layer(LoadShed::new(ConcurrencyLimit::new(inner, 1)));
    let mut first = Polled::new(service.call(get("/1")));
    first.must_wait();
    let (_, respond) = received(&mut handle);

    let refused = service.call(get("/2")).now_or_never().expect("refused now");
    assert!(refused.unwrap_err().is::<Overloaded>());
    probes_answer_at_once(&mut service);
    received_nothing(&mut handle);

    respond.send_response(ok());
    first.output().unwrap();
    let mut third = Polled::new(service.call(get("/3")));
    third.must_wait();
    let (path, respond) = received(&mut handle);
    assert_eq!(path, "/3");
    respond.send_response(ok());
    third.output().unwrap();
    received_nothing(&mut handle);
}
