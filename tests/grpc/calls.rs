//! Calls of `grpc.health.v1`, byte for byte, to a layer around an application.

use std::convert::Infallible;
use std::future::{Ready, ready};

use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::body::{Body, Bytes};
use tower::util::ServiceFn;
use tower::{Layer, ServiceExt, service_fn};
use tower_health::{Health, HealthLayer, HealthService, ResponseBody, ServingStatus};

use crate::reply::{Code, Reply, decoded};
use crate::support::prober::APPLICATION;

pub(crate) const CHECK: &str = "/grpc.health.v1.Health/Check";
pub(crate) const WATCH: &str = "/grpc.health.v1.Health/Watch";
pub(crate) const LIST: &str = "/grpc.health.v1.Health/List";

/// A message in its frame: not compressed, and its length.
pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    frame
}

/// The frame of a `HealthCheckRequest`, as clients in other languages encode it.
pub(crate) fn asking(service: &str) -> Vec<u8> {
    if service.is_empty() {
        return frame(&[]);
    }
    let mut message = vec![0x0a, u8::try_from(service.len()).unwrap()];
    message.extend(service.as_bytes());
    frame(&message)
}

/// A well-formed call.
pub(crate) fn request(path: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    Request::post(path)
        .version(Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::from(body))
        .unwrap()
}

type Answering = Ready<Result<Response<Full<Bytes>>, Infallible>>;
pub(crate) type Application<B> = ServiceFn<fn(Request<B>) -> Answering>;
pub(crate) type AppBody = ResponseBody<Full<Bytes>>;

fn application<B>(_: Request<B>) -> Answering {
    ready(Ok(Response::new(Full::from(APPLICATION))))
}

/// The layer around an application that says [`APPLICATION`] to everything.
pub(crate) fn around<B>(layer: &HealthLayer) -> HealthService<Application<B>> {
    layer.layer(service_fn(application::<B> as fn(_) -> _))
}

pub(crate) fn site<B>(health: &Health) -> HealthService<Application<B>> {
    around(&HealthLayer::new(health.clone()))
}

pub(crate) async fn respond<B>(health: &Health, request: Request<B>) -> Response<AppBody>
where
    B: Body,
{
    site(health).oneshot(request).await.unwrap()
}

pub(crate) async fn send<B: Body>(health: &Health, request: Request<B>) -> Reply {
    Reply::of(respond(health, request).await).await
}

/// What a Check of this service is answered with.
pub(crate) async fn check(health: &Health, service: &str) -> Result<ServingStatus, Code> {
    let reply = send(health, request(CHECK, asking(service))).await;
    reply.status().map(|message| decoded(&message))
}
