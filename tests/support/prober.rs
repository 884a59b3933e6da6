//! A prober in this process: one request to a layer in front of an application.

use std::convert::Infallible;

use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Bytes;
use tower::{Layer, ServiceExt, service_fn};
use tower_health::HealthLayer;

/// What the application answers to every request that is not for the layer.
pub(crate) const APPLICATION: &str = "the application";

/// The bodies that an anonymous prober gets.
pub(crate) const PASS: &str = r#"{"status":"pass"}"#;
pub(crate) const FAIL: &str = r#"{"status":"fail"}"#;

/// The code and the body with which this layer answers a GET of this path.
pub(crate) async fn get(layer: &HealthLayer, path: &str) -> (u16, String) {
    let response = send(layer, Request::get(path)).await;
    (response.status().as_u16(), response.into_body())
}

/// The whole answer to a request without a body.
pub(crate) async fn send(layer: &HealthLayer, request: http::request::Builder) -> Response<String> {
    let inner = service_fn(|_: Request<Empty<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(APPLICATION))))
    });
    let request = request.body(Empty::new()).unwrap();
    let response = layer.layer(inner).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Response::from_parts(head, String::from_utf8(body.to_vec()).unwrap())
}
