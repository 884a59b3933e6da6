//! Requests in flight: what counts, for how long, and what follows from it.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::stream::iter;
use http::{HeaderMap, Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Bytes;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_health::indicators::{InFlightIndicator, InFlightService};
use tower_health::{HealthIndicator, Probe, Status};

use super::support::{number, output, status};
use crate::support::watched::Watched;

type Req = Request<Empty<Bytes>>;

fn request() -> Req {
    Request::new(Empty::new())
}

fn indicator() -> InFlightIndicator {
    InFlightIndicator::new("in-flight")
}

async fn hello(_: Req) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from("hello")))
}

async fn never(_: Req) -> Result<Response<Full<Bytes>>, Infallible> {
    pending().await
}

// in flight: 1     2      3      2     1
// check:     pass  warn   fail   warn  pass       warns above 1, fails above 2
// readyz:    200   200    503    200   200
#[tokio::test]
async fn readiness_warns_and_fails_above_the_limits_and_recovers_below_them() {
    let load = indicator().warn_above(1).fail_above(2);
    let mut service = load.layer().layer(service_fn(never));
    let watched = Watched::start("in-flight", load.clone());
    let mut requests = vec![service.call(request())];
    watched.passes().await;
    requests.push(service.call(request()));
    let output = watched.turns(Status::Warn).await;
    assert_eq!(output, "2 requests are in flight, more than 1");
    requests.push(service.call(request()));
    let output = watched.turns_with(Status::Fail, "in flight").await;
    assert_eq!(output, "3 requests are in flight, more than 2");
    requests.pop();
    watched.turns(Status::Warn).await;
    requests.pop();
    watched.passes().await;
}

#[tokio::test]
async fn the_count_and_the_share_of_the_upper_limit_are_readings() {
    let load = indicator();
    let mut service = load.layer().layer(service_fn(never));
    let _requests = [service.call(request()), service.call(request())];
    let result = load.check().await;
    assert_eq!(number(&result, "requests", "requests"), 2.0);
    assert_eq!(status(&result), Status::Pass);
    let result = load.warn_above(1).fail_above(8).check().await;
    assert_eq!(number(&result, "utilization", "percent"), 25.0);
    assert_eq!(output(&result), "2 requests are in flight, more than 1");
}

type Chunks = Vec<Result<Frame<Bytes>, &'static str>>;

/// The response of a service that is counted and whose body has these frames.
async fn streamed(
    load: &InFlightIndicator,
    chunks: Chunks,
) -> Response<impl http_body::Body<Data = Bytes, Error = &'static str>> {
    let body = StreamBody::new(iter(chunks));
    let mut body = Some(body);
    let mut service = load.layer().layer(service_fn(move |_: Req| {
        let response = Response::new(body.take().unwrap());
        async move { Ok::<_, Infallible>(response) }
    }));
    assert_eq!(load.requests(), 0);
    let future = service.call(request());
    assert_eq!(load.requests(), 1);
    future.await.unwrap()
}

fn data(data: &'static str) -> Result<Frame<Bytes>, &'static str> {
    Ok(Frame::data(Bytes::from(data)))
}

#[tokio::test]
async fn a_stream_counts_until_its_end_and_keeps_its_trailers() {
    let load = indicator();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", 0.into());
    let end = Ok(Frame::trailers(trailers.clone()));
    let response = streamed(&load, vec![data("one"), data("two"), end]).await;
    let mut body = pin!(response.into_body());
    for chunk in ["one", "two"] {
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), chunk);
        assert_eq!(load.requests(), 1);
    }
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_trailers().unwrap(), trailers);
    assert!(body.frame().await.is_none());
    assert_eq!(load.requests(), 0, "at its end, and not dropped yet");
}

#[tokio::test]
async fn a_stream_that_breaks_no_longer_counts() {
    let load = indicator();
    let response = streamed(&load, vec![data("one"), Err("broken")]).await;
    let mut body = pin!(response.into_body());
    assert!(body.frame().await.unwrap().is_ok());
    assert_eq!(load.requests(), 1);
    assert_eq!(body.frame().await.unwrap().unwrap_err(), "broken");
    assert_eq!(load.requests(), 0);
}

#[tokio::test]
async fn a_body_that_knows_its_end_counts_until_its_last_frame() {
    let load = indicator();
    let response = load.layer().layer(service_fn(hello)).oneshot(request());
    let mut body = pin!(response.await.unwrap().into_body());
    assert_eq!(load.requests(), 1);
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "hello");
    assert_eq!(load.requests(), 0);
}

#[tokio::test]
async fn a_body_that_is_dropped_or_empty_no_longer_counts() {
    let load = indicator();
    let layer = load.layer();
    let response = layer.layer(service_fn(hello)).oneshot(request());
    let response = response.await.unwrap();
    assert_eq!(load.requests(), 1);
    drop(response);
    assert_eq!(load.requests(), 0);

    let empty =
        service_fn(|_: Req| async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) });
    let _response = layer.layer(empty).oneshot(request()).await.unwrap();
    assert_eq!(load.requests(), 0);
}

#[tokio::test]
async fn a_request_that_fails_or_is_cancelled_no_longer_counts() {
    let load = indicator();
    let failing = service_fn(|_: Req| async { Err::<Response<Full<Bytes>>, _>("refused") });
    let error = load.layer().layer(failing).oneshot(request()).await;
    assert_eq!(error.unwrap_err(), "refused");
    assert_eq!(load.requests(), 0);

    let future = load.layer().layer(service_fn(never)).call(request());
    let mut future = Box::pin(future);
    assert!(future.as_mut().now_or_never().is_none());
    assert_eq!(load.requests(), 1);
    drop(future);
    assert_eq!(load.requests(), 0);
}

#[derive(Clone)]
struct PanicsInCall;

impl Service<Req> for PanicsInCall {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Pending<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Req) -> Self::Future {
        panic!("in call")
    }
}

#[tokio::test]
async fn a_request_that_panics_no_longer_counts() {
    let load = indicator();
    let mut service = load.layer().layer(PanicsInCall);
    assert!(catch_unwind(AssertUnwindSafe(|| service.call(request()))).is_err());
    assert_eq!(load.requests(), 0);

    let panicking = service_fn(|_: Req| async {
        assert!(load.requests() == 0, "in the future");
        hello(request()).await
    });
    let handled = load.layer().layer(panicking).call(request());
    assert!(AssertUnwindSafe(handled).catch_unwind().await.is_err());
    assert_eq!(load.requests(), 0);
}

/// A body whose hint and end are unlike those of any other.
struct Peculiar;

impl http_body::Body for Peculiar {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        true
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(4711)
    }
}

#[tokio::test]
async fn the_hint_and_the_end_of_a_body_are_those_of_the_inner_one() {
    let peculiar = service_fn(|_: Req| async { Ok::<_, Infallible>(Response::new(Peculiar)) });
    let layer = indicator().layer();
    let response = layer.layer(peculiar).oneshot(request()).await.unwrap();
    assert_eq!(response.body().size_hint().exact(), Some(4711));
    assert!(response.body().is_end_stream());
    let response = layer.layer(service_fn(hello)).oneshot(request());
    let response = response.await.unwrap();
    assert_eq!(response.body().size_hint().exact(), Some(5));
    assert!(!response.body().is_end_stream());
}

#[tokio::test]
async fn readiness_of_the_inner_service_is_polled_and_passed_on() {
    let (mock, mut handle) = tower_test::mock::pair::<Req, Response<Full<Bytes>>>();
    handle.allow(0);
    let load = indicator();
    let mut service: InFlightService<_> = load.layer().layer(mock);
    let polled = poll_fn(|cx| Poll::Ready(service.poll_ready(cx))).await;
    assert!(polled.is_pending());
    handle.allow(1);
    poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
    let answered = tokio::spawn(service.call(request()));
    let (_, respond) = handle.next_request().await.unwrap();
    assert_eq!(load.requests(), 1);
    respond.send_response(Response::new(Full::from("hello")));
    let body = answered.await.unwrap().unwrap().into_body();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "hello");
    assert_eq!(load.requests(), 0);

    handle.send_error("closed");
    let error = poll_fn(|cx| service.poll_ready(cx)).await.unwrap_err();
    assert_eq!(error.to_string(), "closed");
}

#[tokio::test]
async fn all_layers_of_an_indicator_count_together_and_probes_do_not_count() {
    let load = indicator().fail_above(1);
    let watched = Watched::start("in-flight", load.clone());
    watched.passes().await;
    let mut public = load.layer().layer(service_fn(never));
    let mut internal = load.layer().layer(service_fn(never));
    let futures = [public.call(request()), internal.clone().call(request())];
    assert_eq!(load.requests(), 2);
    watched.turns_with(Status::Fail, "in flight").await;

    let layer = tower_health::HealthLayer::new(watched.health.clone());
    let probed = layer.layer(internal.clone());
    let probe = Request::get("/livez").body(Empty::new()).unwrap();
    let response = probed.oneshot(probe).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(load.requests(), 2, "with the answer to a probe at hand");
    drop(futures);
    watched.passes().await;
    assert_eq!(watched.probe(Probe::Readiness).await, 200);
    assert!(internal.get_mut().ready().now_or_never().is_some());
}

#[test]
fn services_and_bodies_go_where_those_of_the_inner_service_may() {
    fn is_send_and_static<T: Send + 'static>(_: &T) {}
    let mut service = indicator().layer().layer(PanicsInCall);
    is_send_and_static(&service.clone());
    let body = tower_health::indicators::InFlightBody::<Full<Bytes>>::default();
    is_send_and_static(&body);
    let _ = service.get_mut();
    let _: PanicsInCall = service.into_inner();
}
