//! A details predicate that panics takes nothing with it: its caller is an anonymous one.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt;
use http::Request;
use http_body_util::BodyExt;
use tower::{Layer, Service};
use tower_health::{Details, Health, HealthLayer, HealthService, Status};
use tower_test::mock;

use super::support::{Body, Handle, Mock, get, ok, received, received_nothing};

/// Panics for clients that send `x-trap`, with a payload that panics once more when it is dropped;
/// shows details to all other clients.
fn trapped(status: Status) -> (HealthService<Mock>, Handle) {
    struct Payload;
    impl Drop for Payload {
        fn drop(&mut self) {
            panic!("the payload of a predicate");
        }
    }
    let details = Details::when(|head| {
        if head.headers.contains_key("x-trap") {
            std::panic::panic_any(Payload);
        }
        true
    });
    let layer = HealthLayer::builder(Health::fixed(status)).details(details);
    let (inner, handle) = mock::pair();
    (layer.build().unwrap().layer(inner), handle)
}

fn trap(path: &str) -> Request<Body> {
    let mut request = get(path);
    request.headers_mut().insert("x-trap", "1".parse().unwrap());
    request
}

type Future = <HealthService<Mock> as Service<Request<Body>>>::Future;

/// A payload that comes through must not be dropped here either: it would end all tests.
fn call(service: &mut HealthService<Mock>, request: Request<Body>) -> Future {
    let called = catch_unwind(AssertUnwindSafe(|| service.call(request)));
    called
        .map_err(ManuallyDrop::new)
        .unwrap_or_else(|_| panic!("the panic came through"))
}

fn ask(service: &mut HealthService<Mock>, request: Request<Body>) -> (u16, String) {
    let answer = call(service, request).now_or_never().unwrap().unwrap();
    let code = answer.status().as_u16();
    let body = answer.into_body().collect().now_or_never().unwrap();
    let body = body.unwrap().to_bytes().to_vec();
    (code, String::from_utf8(body).unwrap())
}

#[test]
fn a_probe_is_answered_as_to_anybody() {
    for (status, code) in [
        (Status::Pass, 200),
        (Status::Warn, 200),
        (Status::Fail, 503),
    ] {
        let (mut service, mut handle) = trapped(status);
        let answer = ask(&mut service, trap("/readyz?verbose"));
        assert_eq!(answer, (code, format!(r#"{{"status":"{status}"}}"#)));
        received_nothing(&mut handle);
    }
}

#[test]
fn the_path_of_a_check_is_passed_on() {
    let (mut service, mut handle) = trapped(Status::Pass);
    let _future = call(&mut service, trap("/readyz/fixed"));
    let (path, respond) = received(&mut handle);
    assert_eq!(path, "/readyz/fixed");
    respond.send_response(ok());
}

#[test]
fn the_next_caller_sees_details_again() {
    let (mut service, _handle) = trapped(Status::Pass);
    ask(&mut service, trap("/readyz"));
    let (_, body) = ask(&mut service, get("/readyz"));
    assert!(body.contains("\"checks\""), "{body}");
}
