//! A request that waits is woken when its turn comes: the first poll registers the waker of its
//! task, in place of the one that `call` polled with.

use http::{Request, Response};
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service};
use tower_test::mock;

use super::support::{Body, Polled, get, ok, received, soon};
use crate::support::layer;

#[test]
fn the_first_poll_registers_the_waker_of_the_task() {
    let (inner, mut handle) = mock::pair();
    handle.allow(0);
    let mut request = Polled::new(layer().layer(inner).call(get("/")));
    request.must_wait();
    assert!(!request.is_woken());

    handle.allow(1);
    assert!(request.is_woken());
    request.must_wait();
    let (_, respond) = received(&mut handle);
    assert!(!request.is_woken());

    respond.send_response(ok());
    assert!(request.is_woken());
    request.output().unwrap();
}

#[test]
fn a_request_that_moves_to_another_task_wakes_that_one() {
    let (inner, mut handle) = mock::pair();
    handle.allow(0);
    let mut request = Polled::new(layer().layer(inner).call(get("/")));
    request.must_wait();
    assert!(request.poll_elsewhere().is_pending());

    handle.allow(1);
    assert!(request.is_woken());
    request.must_wait();
    let (_, respond) = received(&mut handle);
    assert!(request.poll_elsewhere().is_pending());

    respond.send_response(ok());
    assert!(request.is_woken());
    request.output().unwrap();
}

#[test]
fn a_turn_that_comes_between_the_call_and_the_first_poll_is_not_missed() {
    let (inner, mut handle) = mock::pair();
    handle.allow(0);
    let mut request = Polled::new(layer().layer(inner).call(get("/")));
    handle.allow(1);
    request.must_wait();
    let (path, _respond) = received(&mut handle);
    assert_eq!(path, "/");
}

#[test]
fn a_semaphore_that_was_polled_without_a_task_wakes_the_task_that_came_after() {
    let (inner, mut handle) = mock::pair();
    let mut service = layer().layer(ConcurrencyLimit::new(inner, 1));
    let mut first = Polled::new(service.call(get("/1")));
    first.must_wait();
    let mut second = Polled::new(service.call(get("/2")));
    second.must_wait();
    assert!(second.poll_elsewhere().is_pending());

    let (_, respond) = received(&mut handle);
    respond.send_response(ok());
    first.output().unwrap();
    assert!(second.is_woken());
}

/// tokio makes its semaphores say "not now" to a task that did a lot in one turn, and wakes the
/// waker of that poll: here none, since `call` polls without a waker.
#[tokio::test(start_paused = true)]
async fn an_exhausted_budget_of_the_task_delays_a_request_and_does_not_lose_it() {
    let (inner, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
    let mut service = layer().layer(ConcurrencyLimit::new(inner, 1));
    let request = tokio::spawn(async move {
        let semaphore = tokio::sync::Semaphore::new(1);
        while tokio::task::coop::has_budget_remaining() {
            drop(semaphore.acquire().await.unwrap());
        }
        service.call(get("/")).await
    });
    let (_, respond) = soon(handle.next_request()).await.unwrap();
    respond.send_response(ok());
    assert_eq!(soon(request).await.unwrap().unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_buffer_that_was_polled_without_a_task_wakes_the_task_that_came_after() {
    let (inner, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
    handle.allow(0);
    let mut service = layer().layer(Buffer::new(inner, 1));
    let _taken = tokio::spawn(service.call(get("/1")));
    tokio::task::yield_now().await;
    let _queued = tokio::spawn(service.call(get("/2")));
    tokio::task::yield_now().await;
    let mut waiting = Polled::new(service.call(get("/3")));
    waiting.must_wait();
    tokio::task::yield_now().await;
    assert!(!waiting.is_woken());

    handle.allow(1);
    soon(handle.next_request()).await.unwrap();
    tokio::task::yield_now().await;
    assert!(waiting.is_woken());
}
