//! How many watches may be open, and when one of them gives its permit back.

use std::convert::Infallible;

use futures_util::FutureExt;
use futures_util::stream::pending;
use http_body_util::{Full, StreamBody};
use hyper::body::{Bytes, Frame};
use tower::ServiceExt;
use tower_health::{Health, HealthLayer, Limits, Status};

use crate::calls::{CHECK, LIST, WATCH, around, asking, frame, request, respond, send};
use crate::reply::{Code, RESOURCE_EXHAUSTED, Reply, UNAVAILABLE};
use crate::stream::{NOT_SERVING, SERVING, Stream, Told};
use crate::support::{lapse, secs, steady};

/// Why a watch cannot be opened, if it cannot.
async fn refusal(health: &Health) -> Option<Code> {
    let response = respond(health, request(WATCH, asking(""))).await;
    let refused = response.headers().contains_key("grpc-status");
    if !refused {
        return None;
    }
    Some(Reply::of(response).await.status().unwrap_err())
}

pub(crate) fn with_permits(permits: usize) -> Health {
    let mut limits = Limits::default();
    limits.watches = permits;
    steady().limits(limits).start().unwrap()
}

#[test]
fn there_are_as_many_as_the_reference_says() {
    assert_eq!(Limits::default().watches, 16_384);
}

#[tokio::test(start_paused = true)]
async fn one_more_than_there_are_permits_is_refused() {
    let health = with_permits(2);
    let mut one = Stream::open(&health, "").await;
    let mut other = Stream::open(&health, "nobody").await;
    for _ in 0..3 {
        assert_eq!(refusal(&health).await, Some(RESOURCE_EXHAUSTED));
    }
    assert_eq!(one.now().await, [SERVING]);
    health.drain();
    assert_eq!(one.told().await, [NOT_SERVING], "who has a permit keeps it");
    assert!(!other.told().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_given_back_with_the_stream() {
    let health = with_permits(1);
    for reads in 0..3 {
        let mut stream = Stream::open(&health, "").await;
        for _ in 0..reads {
            let _ = stream.now().await;
        }
        assert_eq!(refusal(&health).await, Some(RESOURCE_EXHAUSTED));
        drop(stream);
        assert_eq!(refusal(&health).await, None, "{reads} reads");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_before_it_was_answered_takes_no_permit() {
    let health = with_permits(1);
    for _ in 0..3 {
        drop(respond(&health, request(WATCH, asking(""))));
    }
    let body = StreamBody::new(pending::<Result<Frame<Bytes>, Infallible>>());
    let endless = request(WATCH, Vec::new()).map(|_| body);
    let mut reading = Box::pin(respond(&health, endless));
    assert!((&mut reading).now_or_never().is_none());
    assert_eq!(refusal(&health).await, None, "not before it was read");
    drop(reading);
    assert_eq!(refusal(&health).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_was_ended_has_given_its_permit_back_although_its_stream_is_still_held() {
    let health = with_permits(1);
    let mut stream = Stream::open(&health, "").await;
    health.drain();
    lapse(secs(6)).await;
    assert_eq!(stream.now().await, [NOT_SERVING, Told::Ended(UNAVAILABLE)]);
    assert_eq!(
        refusal(&health).await,
        Some(UNAVAILABLE),
        "and not exhausted"
    );
    drop(stream);
}

#[tokio::test(start_paused = true)]
async fn only_watches_take_permits_and_all_layers_share_them() {
    let health = with_permits(1);
    let one = around::<Full<_>>(&HealthLayer::new(health.clone()));
    let other = around::<Full<_>>(&HealthLayer::new(health.clone()));
    for path in [CHECK, LIST] {
        let first = one.clone().oneshot(request(path, frame(&[]))).await;
        let second = other.clone().oneshot(request(path, frame(&[]))).await;
        assert_eq!(first.unwrap().headers().get("grpc-status"), None, "{path}");
        assert_eq!(second.unwrap().headers().get("grpc-status"), None, "{path}");
    }
    let open = one.oneshot(request(WATCH, asking(""))).await.unwrap();
    let refused = other.oneshot(request(WATCH, asking(""))).await.unwrap();
    let refused = Reply::of(refused).await.status();
    assert_eq!(refused, Err(RESOURCE_EXHAUSTED));
    assert_eq!(Stream::of(open).now().await, [SERVING]);

    let another_process = with_permits(1);
    assert_eq!(refusal(&another_process).await, None);
}

#[tokio::test(start_paused = true)]
async fn check_and_list_are_answered_when_there_is_no_permit_left() {
    let health = with_permits(1);
    let stream = Stream::open(&health, "").await;
    assert_eq!(refusal(&health).await, Some(RESOURCE_EXHAUSTED));
    for call in [request(CHECK, asking("")), request(LIST, asking(""))] {
        assert!(send(&health, call).await.status().is_ok());
    }
    drop(stream);
    let fixed = Health::fixed(Status::Pass);
    assert_eq!(refusal(&fixed).await, None);
}
