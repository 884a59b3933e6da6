//! What is not a probe arrives below the layer, and comes back, as though there were no layer.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::{Frame, SizeHint};
use hyper::body::Bytes;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_health::{HealthLayer, WrapBody};
use tower_test::mock;

use super::support::{Body, no_probe};
use crate::support::layer;

/// A body that is recognised when it comes back, and must not be looked into.
#[derive(Clone, Debug)]
struct Opaque(Arc<()>);

impl http_body::Body for Opaque {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("read")
    }

    fn is_end_stream(&self) -> bool {
        panic!("asked for its end")
    }

    fn size_hint(&self) -> SizeHint {
        panic!("asked for its size")
    }
}

/// An extension that is recognised when it comes back.
#[derive(Clone, Debug)]
struct Marker(Arc<()>);

struct Case {
    name: &'static str,
    method: &'static str,
    uri: &'static str,
    version: Version,
}

const CASES: [Case; 8] = [
    case("a query", "GET", "/a?id=1&id=2&=", Version::HTTP_11),
    case(
        "a probe below",
        "GET",
        "/readyz/db?verbose",
        Version::HTTP_2,
    ),
    case("odd segments", "PURGE", "/a%2Fb//c/../d", Version::HTTP_10),
    case("absolute", "POST", "http://shop:8080/a", Version::HTTP_2),
    case("whole server", "OPTIONS", "*", Version::HTTP_11),
    case("a tunnel", "CONNECT", "shop.example:443", Version::HTTP_11),
    case("an old client", "HEAD", "/", Version::HTTP_09),
    case("a new client", "QUERY", "/", Version::HTTP_3),
];

const fn case(
    name: &'static str,
    method: &'static str,
    uri: &'static str,
    version: Version,
) -> Case {
    Case {
        name,
        method,
        uri,
        version,
    }
}

/// Repeated, empty, not UTF-8, and sensitive fields.
fn headers() -> HeaderMap {
    let mut secret = HeaderValue::from_static("secret");
    secret.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.append("x-twice", HeaderValue::from_static("1"));
    headers.append("x-twice", HeaderValue::from_static("2"));
    headers.append("x-empty", HeaderValue::from_static(""));
    headers.append("x-bytes", HeaderValue::from_bytes(b"\xff\xfe").unwrap());
    headers.append("authorization", secret);
    headers.append("connection", HeaderValue::from_static("upgrade"));
    headers
}

fn assert_same_headers(given: &HeaderMap, name: &str) {
    let expected = headers();
    assert_eq!(*given, expected, "{name}");
    let order = |headers: &HeaderMap| headers.keys().cloned().collect::<Vec<_>>();
    assert_eq!(order(given), order(&expected), "{name}");
    assert!(given["authorization"].is_sensitive(), "{name}");
}

fn assert_only_extension(extensions: &Extensions, marker: &Marker, name: &str) {
    let found = extensions.get::<Marker>().expect(name);
    assert!(Arc::ptr_eq(&found.0, &marker.0), "{name}");
    assert_eq!(extensions.len(), 1, "{name}");
}

fn request_arrives_untouched<M>(layer: &HealthLayer<M>)
where
    M: WrapBody<()> + Clone,
{
    for case in CASES {
        let (inner, mut handle) = mock::pair::<Request<Opaque>, Response<()>>();
        let (marker, body) = (Marker(Arc::default()), Opaque(Arc::default()));
        let mut request = Request::new(body.clone());
        *request.method_mut() = Method::from_bytes(case.method.as_bytes()).unwrap();
        *request.uri_mut() = case.uri.parse().unwrap();
        *request.version_mut() = case.version;
        *request.headers_mut() = headers();
        request.extensions_mut().insert(marker.clone());

        let _future = layer.layer(inner).call(request);

        let (parts, given) = match handle.poll_request() {
            Poll::Ready(Some((request, _))) => request.into_parts(),
            _ => panic!("{}: nothing arrived", case.name),
        };
        assert_eq!(parts.method, case.method, "{}", case.name);
        assert_eq!(parts.uri, *case.uri, "{}", case.name);
        assert_eq!(parts.version, case.version, "{}", case.name);
        assert_same_headers(&parts.headers, case.name);
        assert_only_extension(&parts.extensions, &marker, case.name);
        assert!(Arc::ptr_eq(&given.0, &body.0), "{}", case.name);
    }
}

#[test]
fn a_request_arrives_as_it_was_sent() {
    request_arrives_untouched(&layer());
}

#[test]
fn a_request_arrives_as_it_was_sent_with_mapped_bodies() {
    request_arrives_untouched(&layer().map_body(no_probe::<()>));
}

fn response_returns_untouched<M>(layer: &HealthLayer<M>)
where
    M: WrapBody<Opaque> + Clone,
{
    for (code, version) in [
        (101, Version::HTTP_11),
        (204, Version::HTTP_10),
        (503, Version::HTTP_2),
        (999, Version::HTTP_3),
    ] {
        let name = format!("{code}");
        let marker = Marker(Arc::default());
        let mut response = Response::new(Opaque(Arc::default()));
        *response.status_mut() = StatusCode::from_u16(code).unwrap();
        *response.version_mut() = version;
        *response.headers_mut() = headers();
        response.extensions_mut().insert(marker.clone());
        let (inner, mut handle) = mock::pair::<Request<Body>, Response<Opaque>>();

        let future = layer.layer(inner).call(Request::new(Body::default()));
        match handle.poll_request() {
            Poll::Ready(Some((_, respond))) => respond.send_response(response),
            _ => panic!("{name}: nothing arrived"),
        }
        let given = future.now_or_never().expect("answered").unwrap();

        assert_eq!(given.status(), code);
        assert_eq!(given.version(), version, "{name}");
        assert_same_headers(given.headers(), &name);
        assert_only_extension(given.extensions(), &marker, &name);
    }
}

#[test]
fn a_response_returns_as_it_was_given() {
    response_returns_untouched(&layer());
}

#[test]
fn a_response_returns_as_it_was_given_with_mapped_bodies() {
    response_returns_untouched(&layer().map_body(no_probe::<Opaque>));
}

#[tokio::test]
async fn a_mapped_layer_returns_the_very_body_of_the_inner_service() {
    let body = Opaque(Arc::default());
    let given = body.clone();
    let inner = service_fn(move |_: Request<Body>| {
        let body = given.clone();
        async { Ok::<_, Infallible>(Response::new(body)) }
    });
    let layer = layer().map_body(no_probe::<Opaque>);
    let response: Response<Opaque> = layer
        .layer(inner)
        .oneshot(Request::new(Body::default()))
        .await
        .unwrap();
    assert!(Arc::ptr_eq(&response.body().0, &body.0));
}

/// An error that is neither `Send` nor an `Error`, and is recognised when it comes back.
#[derive(Debug)]
struct Broken(Rc<()>);

async fn error_returns_untouched<M>(layer: HealthLayer<M>)
where
    M: WrapBody<()> + Clone,
{
    let cause = Rc::new(());
    let inner = service_fn(|_: Request<Body>| {
        let error = Broken(Rc::clone(&cause));
        async { Err::<Response<()>, _>(error) }
    });
    let result = layer
        .layer(inner)
        .oneshot(Request::new(Body::default()))
        .await;
    let Err(error) = result else {
        panic!("no error came back")
    };
    assert!(Rc::ptr_eq(&error.0, &cause));
}

#[tokio::test]
async fn an_error_of_a_call_returns_as_it_was_given() {
    error_returns_untouched(layer()).await;
}

#[tokio::test]
async fn an_error_of_a_call_returns_as_it_was_given_with_mapped_bodies() {
    error_returns_untouched(layer().map_body(no_probe::<()>)).await;
}
