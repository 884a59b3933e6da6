//! What a request counts as, and when.

use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use http::Response;
use http_body::Body as _;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Bytes;
use tokio::time::timeout;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_health::Status;

use super::support::{
    Counted, Req, answers, counted, data, hang, payments, reading, request, status, streamed,
};
use crate::support::{millis, secs};

fn of(requests: u64, failed: u64) -> Counted {
    Counted { requests, failed }
}

#[tokio::test(start_paused = true)]
async fn statuses_of_500_and_above_are_failures_and_others_are_not() {
    for (status, failed) in [
        (200, 0),
        (302, 0),
        (404, 0),
        (429, 0),
        (500, 1),
        (503, 1),
        (599, 1),
    ] {
        let payments = payments();
        answers(&payments.layer(), 1, status, Duration::ZERO).await;
        assert_eq!(counted(&payments).await, of(1, failed), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_application_can_say_which_statuses_are_failures() {
    let payments = payments().http_failure(|status| status == 429);
    answers(&payments.layer(), 1, 429, Duration::ZERO).await;
    answers(&payments.layer(), 1, 500, Duration::ZERO).await;
    assert_eq!(counted(&payments).await, of(2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_client_is_a_failure_and_passes_through() {
    let payments = payments();
    let refusing = service_fn(|_: Req| ready(Err::<Response<Empty<Bytes>>, _>("refused")));
    let error = payments.layer().layer(refusing).oneshot(request()).await;
    assert_eq!(error.unwrap_err(), "refused");
    assert_eq!(counted(&payments).await, of(1, 1));
}

struct NeverReady;

impl Service<Req> for NeverReady {
    type Response = Response<Empty<Bytes>>;
    type Error = &'static str;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Err("closed"))
    }

    fn call(&mut self, _: Req) -> Self::Future {
        unreachable!("it is never ready")
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_cannot_become_ready_is_a_failure() {
    let payments = payments();
    let mut service = payments.layer().layer(NeverReady);
    let error = poll_fn(|cx| service.poll_ready(cx)).await;
    assert_eq!(error.unwrap_err(), "closed");
    assert_eq!(counted(&payments).await, of(1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_cancelled_in_time_counts_apart() {
    let payments = payments();
    let calls = hang(&payments.layer(), 3);
    assert_eq!(reading(&payments, "inFlight").await, Some(3.0));
    tokio::time::advance(secs(1)).await;
    drop(calls);
    assert_eq!(counted(&payments).await, of(0, 0));
    assert_eq!(reading(&payments, "givenUp").await, Some(3.0));
    assert_eq!(reading(&payments, "inFlight").await, Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_the_layer_is_a_failure() {
    let payments = payments();
    for call in hang(&payments.layer(), 3) {
        assert!(timeout(millis(1_100), call).await.is_err());
    }
    assert_eq!(counted(&payments).await, of(3, 3));
    assert_eq!(reading(&payments, "slowRate").await, Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn a_response_counts_at_its_head_and_as_a_failure_if_its_body_breaks_off() {
    for (chunks, failed) in [
        (vec![data(), data()], 0),
        (vec![data(), Err("reset")], 1),
        (vec![], 0),
    ] {
        let payments = payments();
        let mut response = Some(streamed("text/plain", chunks));
        let service = service_fn(|_: Req| {
            let response = response.take().unwrap();
            async { Ok::<_, Infallible>(response) }
        });
        let response = payments.layer().layer(service).oneshot(request()).await;
        let mut body = response.unwrap().into_body();
        assert_eq!(counted(&payments).await, of(1, 0), "by its head");
        while let Some(Ok(_)) = body.frame().await {}
        assert_eq!(counted(&payments).await, of(1, failed));
        drop(body);
        assert_eq!(counted(&payments).await, of(1, failed), "once");
    }
}

// time:      0 s             40 s            40 s
// request:   head, open      still open      breaks off
// counts:    1               0               1 failed
#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_off_after_its_head_has_left_the_window_is_a_failure_then() {
    let payments = payments();
    let mut response = Some(streamed("text/plain", vec![data(), Err("reset")]));
    let service = service_fn(|_: Req| {
        let response = response.take().unwrap();
        async { Ok::<_, Infallible>(response) }
    });
    let response = payments.layer().layer(service).oneshot(request()).await;
    let mut body = response.unwrap().into_body();
    assert_eq!(counted(&payments).await, of(1, 0));
    tokio::time::advance(secs(40)).await;
    assert_eq!(counted(&payments).await, of(0, 0));
    while let Some(Ok(_)) = body.frame().await {}
    assert_eq!(counted(&payments).await, of(1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_dropped_counts_by_its_head_however_late() {
    let payments = payments();
    let service = service_fn(async |_: Req| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("payment")))
    });
    let response = payments.layer().layer(service).oneshot(request()).await;
    tokio::time::advance(secs(5)).await;
    drop(response);
    assert_eq!(counted(&payments).await, of(1, 0));
    assert_eq!(reading(&payments, "slowRate").await, Some(0.0));
    assert_eq!(reading(&payments, "p95").await, Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_knows_its_end_counts_with_its_last_frame() {
    let payments = payments();
    let service = service_fn(async |_: Req| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("payment")))
    });
    let response = payments.layer().layer(service).oneshot(request()).await;
    let mut body = response.unwrap().into_body();
    assert_eq!(
        (body.size_hint().exact(), body.is_end_stream()),
        (Some(7), false)
    );
    body.frame().await.unwrap().unwrap();
    assert_eq!(counted(&payments).await, of(1, 0), "it is not dropped yet");
}

// A watch without news, whose server sends the head with the first message, as grpc-go does.
#[tokio::test(start_paused = true)]
async fn a_stream_may_wait_for_its_head() {
    let payments = payments();
    let ordinary = hang(&payments.layer(), 20);
    tokio::time::advance(secs(5)).await;
    assert_eq!(status(&payments).await, Status::Fail, "ordinary requests");
    drop(ordinary);
    tokio::time::advance(secs(30)).await;
    let streams = hang(&payments.layer().streams(), 20);
    for waited in [2, 27, 3_600] {
        tokio::time::advance(secs(waited)).await;
        assert_eq!(status(&payments).await, Status::Pass);
        assert_eq!(counted(&payments).await, of(0, 0));
    }
    drop(streams);
    assert_eq!(counted(&payments).await, of(0, 0));
    assert_eq!(reading(&payments, "givenUp").await, Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn a_stream_counts_when_its_head_comes_and_is_never_slow() {
    let payments = payments();
    let layer = payments.layer().streams();
    answers(&layer, 20, 200, secs(600)).await;
    assert_eq!(status(&payments).await, Status::Pass);
    assert_eq!(counted(&payments).await, of(20, 0));
    assert_eq!(reading(&payments, "slowRate").await, Some(0.0));
    assert_eq!(reading(&payments, "p95").await, None);
    answers(&layer, 30, 503, secs(1)).await;
    assert_eq!(counted(&payments).await, of(50, 30));
    assert_eq!(status(&payments).await, Status::Fail);
}

#[tokio::test(start_paused = true)]
async fn latencies_are_readings() {
    let payments = payments();
    let layer = payments.layer();
    answers(&layer, 90, 200, millis(3)).await;
    answers(&layer, 10, 200, millis(1_500)).await;
    assert_eq!(reading(&payments, "p50").await, Some(4.0));
    assert_eq!(reading(&payments, "p95").await, Some(2_048.0));
    assert_eq!(reading(&payments, "slowRate").await, Some(10.0));
}

#[tokio::test(start_paused = true)]
async fn calls_of_any_client_can_be_counted_by_hand() {
    let payments = payments();
    payments.call().answered();
    payments.call().failed();
    payments.call().unanswered();
    drop(payments.call());
    assert_eq!(counted(&payments).await, of(3, 2));
    let cancelled_late = payments.call();
    tokio::time::advance(millis(1_001)).await;
    drop(cancelled_late);
    assert_eq!(counted(&payments).await, of(4, 3));
}

#[tokio::test]
async fn a_request_that_panics_passes_its_panic_on_and_does_not_count() {
    let payments = payments();
    let panicking = service_fn(async |request: Req| {
        assert!(request.uri().path().is_empty(), "in the future");
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    let call = payments.layer().layer(panicking).oneshot(request());
    let panic = std::panic::AssertUnwindSafe(call).catch_unwind().await;
    assert!(panic.is_err());
    assert_eq!(counted(&payments).await, of(0, 0));
}
