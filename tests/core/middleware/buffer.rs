//! In front of a `Buffer` that is full, alone and around a `RateLimit`, which is not `Clone`.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use http::{Request, Response};
use tokio::time::Instant;
use tower::buffer::Buffer;
use tower::limit::RateLimit;
use tower::limit::rate::Rate;
use tower::{Layer, Service, service_fn};
use tower_test::mock;

use super::support::{Body, get, ok, probes_answer_at_once, received_nothing, soon};
use crate::support::layer;

/// Whether a buffer has no place left. The test polls a clone, which gives its place back.
fn is_full<S>(buffer: &S) -> bool
where
    S: Service<Request<Body>> + Clone,
{
    let mut clone = buffer.clone();
    poll_fn(|cx| clone.poll_ready(cx)).now_or_never().is_none()
}

#[tokio::test(start_paused = true)]
async fn behind_a_full_buffer_probes_answer_and_requests_are_served_once_in_order() {
    let (inner, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
    handle.allow(0);
    let buffer = Buffer::new(inner, 1);
    let mut service = layer().layer(buffer.clone());

    let mut requests = vec![tokio::spawn(service.call(get("/0")))];
    tokio::task::yield_now().await; // the buffer takes it, and waits with it
    requests.push(tokio::spawn(service.call(get("/1"))));
    tokio::task::yield_now().await; // it stays in the queue
    assert!(is_full(&buffer));
    probes_answer_at_once(&mut service);
    for path in ["/2", "/3"] {
        requests.push(tokio::spawn(service.call(get(path))));
        tokio::task::yield_now().await;
        probes_answer_at_once(&mut service);
    }
    received_nothing(&mut handle);

    handle.allow(10);
    for turn in 0..4 {
        let (request, respond) = soon(handle.next_request()).await.unwrap();
        assert_eq!(request.uri().path(), format!("/{turn}"));
        probes_answer_at_once(&mut service);
        respond.send_response(ok());
    }
    for response in soon(join_all(requests)).await {
        assert_eq!(response.unwrap().unwrap().status(), 200);
    }
    received_nothing(&mut handle);
}

#[tokio::test(start_paused = true)]
async fn behind_a_rate_limit_probes_answer_and_requests_are_served_once_in_their_turn() {
    let start = Instant::now();
    let served = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&served);
    let inner = service_fn(move |request: Request<Body>| {
        let path = request.uri().path().to_owned();
        log.lock().unwrap().push((path, start.elapsed().as_secs()));
        async { Ok::<_, Infallible>(ok()) }
    });
    let limit = RateLimit::new(inner, Rate::new(1, Duration::from_secs(10)));
    let buffer = Buffer::new(limit, 1);
    let mut service = layer().layer(buffer.clone());

    let mut requests = Vec::new();
    for path in ["/0", "/1", "/2", "/3"] {
        requests.push(tokio::spawn(service.call(get(path))));
        tokio::task::yield_now().await;
    }
    assert!(is_full(&buffer));
    probes_answer_at_once(&mut service);
    assert_eq!(*served.lock().unwrap(), [("/0".to_owned(), 0)]);

    for response in soon(join_all(requests)).await {
        assert_eq!(response.unwrap().unwrap().status(), 200);
    }
    let turns = [("/0", 0), ("/1", 10), ("/2", 20), ("/3", 30)];
    let turns = turns.map(|(path, at)| (path.to_owned(), at));
    assert_eq!(*served.lock().unwrap(), turns);
}
