//! Plain hyper: HTTP/2 with prior knowledge, and inner services of every sort.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_health::{Health, HealthLayer, Status};

use super::support::{Version, ask, send};
use crate::support::prober::{FAIL, PASS};
use crate::support::server::serve;

fn layer(status: Status) -> HealthLayer {
    HealthLayer::new(Health::fixed(status))
}

#[tokio::test]
async fn probes_and_requests_share_http_2_with_prior_knowledge() {
    let inner = service_fn(async |_: Request<Incoming>| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
    });
    let address = serve(layer(Status::Fail).layer(inner)).await;
    let version = Version::Http2;
    assert_eq!(ask(address, version, "/livez").await.seen(), (200, PASS));
    assert_eq!(
        ask(address, version, "/readyz?x=1").await.seen(),
        (503, FAIL)
    );
    assert_eq!(
        ask(address, version, "/readyz/").await.seen(),
        (200, "hello")
    );
}

// An HTTP/2 server sends what the service gives, also for HEAD.
#[tokio::test]
async fn head_over_http_2_has_the_length_and_no_content() {
    let inner = service_fn(async |_: Request<Incoming>| {
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    let address = serve(layer(Status::Pass).layer(inner)).await;
    let request = Request::head(format!("http://{address}/readyz"));
    let answer = send(Version::Http2, request.body(Full::default()).unwrap()).await;
    assert_eq!(answer.seen(), (200, ""));
    assert_eq!(answer.headers["content-length"], "17");
}

#[tokio::test]
async fn a_boxed_body_goes_through() {
    let inner = service_fn(async |_: Request<Incoming>| {
        let body: BoxBody<Bytes, Infallible> = Full::new(Bytes::from("boxed")).boxed();
        Ok::<_, Infallible>(Response::new(body))
    });
    let address = serve(layer(Status::Pass).layer(inner)).await;
    assert_eq!(
        ask(address, Version::Http1, "/").await.seen(),
        (200, "boxed")
    );
    assert_eq!(
        ask(address, Version::Http1, "/readyz").await.seen(),
        (200, PASS)
    );
}

#[tokio::test]
async fn a_service_that_is_not_sync_is_served() {
    let count = Cell::new(0);
    let inner = service_fn(move |_: Request<Incoming>| {
        count.set(count.get() + 1);
        let body = Full::new(Bytes::from(count.get().to_string()));
        async { Ok::<_, Infallible>(Response::new(body)) }
    });
    let address = serve(layer(Status::Pass).layer(inner)).await;
    assert_eq!(ask(address, Version::Http1, "/").await.seen(), (200, "1"));
    assert_eq!(
        ask(address, Version::Http1, "/livez").await.seen(),
        (200, PASS)
    );
}

#[tokio::test]
async fn an_error_of_the_service_stays_its_own_and_ends_no_probe() {
    let inner = service_fn(async |_: Request<Incoming>| {
        Err::<Response<Empty<Bytes>>, _>(io::Error::other("gone"))
    });
    let mut service = layer(Status::Pass).layer(inner);
    let address = serve(service.clone()).await;
    assert_eq!(
        ask(address, Version::Http1, "/readyz").await.seen(),
        (200, PASS)
    );
    // The type of the error is that of the service.
    fn error_of<S: Service<Request<Incoming>, Error = io::Error>>(_: &mut S) {}
    error_of(&mut service);
}

// RFC 9113, section 8.2.2. hyper would strip it; not every server does.
#[tokio::test]
async fn only_answers_over_http_1_ask_to_close_the_connection() {
    let inner = service_fn(async |_: Request<Empty<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    let health = Health::fixed(Status::Pass);
    health.drain();
    let service = HealthLayer::new(health).layer(inner);
    for (version, asks) in [
        (http::Version::HTTP_10, true),
        (http::Version::HTTP_11, true),
        (http::Version::HTTP_2, false),
        (http::Version::HTTP_3, false),
    ] {
        let request = Request::get("/readyz").version(version);
        let response = service.clone().oneshot(request.body(Empty::new()).unwrap());
        let headers = response.await.unwrap().into_parts().0.headers;
        assert_eq!(headers.contains_key("connection"), asks, "{version:?}");
    }
}
