//! Calls through the layer to a service that does what the test says.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::time::Duration;

use futures_util::FutureExt;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Bytes;
use tokio::time::sleep;
use tower::{Layer, ServiceExt, service_fn};
use tower_health::indicators::{PassiveIndicator, PassiveLayer};
use tower_health::{HealthIndicator, ObservedValue, Status};

pub(crate) type Req = Request<Empty<Bytes>>;

pub(crate) fn request() -> Req {
    Request::new(Empty::new())
}

pub(crate) fn payments() -> PassiveIndicator {
    PassiveIndicator::new("payments")
}

/// Calls and reads the answer, so many times at once, with a service that answers this status after
/// this time.
pub(crate) async fn answers(layer: &PassiveLayer, times: usize, status: u16, after: Duration) {
    let answer = async |_: Req| {
        sleep(after).await;
        let response = Response::builder().status(status);
        Ok::<_, Infallible>(response.body(Full::<Bytes>::from("payment")).unwrap())
    };
    let calls = (0..times).map(|_| async {
        let service = layer.layer(service_fn(answer));
        let response = service.oneshot(request()).await.unwrap();
        response.into_body().collect().await.unwrap();
    });
    futures_util::future::join_all(calls).await;
}

/// Calls that work at once.
pub(crate) async fn work(layer: &PassiveLayer, times: usize) {
    answers(layer, times, 200, Duration::ZERO).await;
}

/// Calls that the dependency answers at once with an error.
pub(crate) async fn fail(layer: &PassiveLayer, times: usize) {
    answers(layer, times, 500, Duration::ZERO).await;
}

/// Calls that never get an answer, for as long as they are held.
pub(crate) fn hang(layer: &PassiveLayer, times: usize) -> Vec<impl Future + use<>> {
    let hanging = service_fn(|_: Req| pending::<Result<Response<Empty<Bytes>>, Infallible>>());
    let call = || Box::pin(layer.layer(hanging).oneshot(request()));
    let mut calls: Vec<_> = (0..times).map(|_| call()).collect();
    for call in &mut calls {
        assert!(call.as_mut().now_or_never().is_none());
    }
    calls
}

/// Calls that never get an answer and are dropped after this time, all at once.
pub(crate) async fn give_up(layer: &PassiveLayer, times: usize, after: Duration) {
    let calls = hang(layer, times);
    tokio::time::advance(after).await;
    drop(calls);
}

type Chunks = Vec<Result<Frame<Bytes>, &'static str>>;

/// A response with this content type and body.
pub(crate) fn streamed(
    content_type: &'static str,
    chunks: Chunks,
) -> Response<impl http_body::Body<Data = Bytes, Error = &'static str> + Unpin> {
    let body = StreamBody::new(futures_util::stream::iter(chunks));
    let response = Response::builder().header("content-type", content_type);
    response.body(body).unwrap()
}

pub(crate) fn data() -> Result<Frame<Bytes>, &'static str> {
    Ok(Frame::data(Bytes::from("payment")))
}

pub(crate) fn trailers(status: &'static str) -> Result<Frame<Bytes>, &'static str> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.parse().unwrap());
    Ok(Frame::trailers(trailers))
}

/// What the window has: all requests, and those that failed.
#[derive(Debug, PartialEq)]
pub(crate) struct Counted {
    pub(crate) requests: u64,
    pub(crate) failed: u64,
}

pub(crate) async fn counted(indicator: &PassiveIndicator) -> Counted {
    let requests = reading(indicator, "requests").await.unwrap();
    let rate = reading(indicator, "failureRate").await.unwrap_or_default();
    Counted {
        requests: requests as u64,
        failed: (rate * requests / 100.0).round() as u64,
    }
}

pub(crate) async fn reading(indicator: &PassiveIndicator, measurement: &str) -> Option<f64> {
    let result = indicator.check().await;
    let readings = match &result {
        Ok(observation) => observation.readings(),
        Err(failure) => failure.readings(),
    };
    let mut readings = readings.iter();
    let reading = readings.find(|reading| reading.measurement() == Some(measurement))?;
    match reading.value() {
        ObservedValue::Integer(value) => Some(*value as f64),
        ObservedValue::Float(value) => Some(*value),
        other => panic!("{measurement} is {other:?}"),
    }
}

pub(crate) async fn told(indicator: &impl HealthIndicator) -> (Status, String) {
    match indicator.check().await {
        Ok(seen) => (seen.status(), seen.output().unwrap_or_default().to_owned()),
        Err(failure) => (Status::Fail, failure.output().to_owned()),
    }
}

pub(crate) async fn status(indicator: &impl HealthIndicator) -> Status {
    told(indicator).await.0
}
