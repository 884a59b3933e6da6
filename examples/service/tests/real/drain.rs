//! The end: nothing that was begun is lost, and nothing holds the end up.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::http::{connect, get, head, read};
use crate::support::service::Service;

/// A delay that no test waits for: a second signal ends it.
const LONG: (&str, &str) = ("HEALTH_DRAIN_DELAY", "10m");

#[test]
fn readiness_fails_at_once_and_requests_are_served_until_the_delay_has_passed() {
    let service = Service::start(&[], &[LONG]).ready();
    service.terminate();
    service.await_code("/readyz", 503);
    for port in [service.api, service.web, service.management] {
        assert_eq!(get(port, "/readyz").code, 503);
        assert_eq!(get(port, "/livez").code, 200);
        assert_eq!(get(port, "/startupz").code, 200);
    }
    assert_eq!(service.get("/health").code, 503);
    assert_eq!(service.get("/api/notes").code, 200);
    assert_eq!(service.get("/api/time").code, 200);
    assert_eq!(get(service.web, "/").code, 200);
    // The second signal.
    let log = service.stop();
    assert!(
        log.contains("no further connections") && log.contains("stopped"),
        "{log}"
    );
}

/// Begins a request with a body of this length. When this returns, its handler reads the body.
fn begin(service: &Service, length: usize) -> TcpStream {
    let mut stream = connect(service.api).unwrap();
    let fields = ["content-type: application/json", "expect: 100-continue"];
    let request = head("POST", "/api/notes", &fields, length);
    stream.write_all(request.as_bytes()).unwrap();
    let mut go_on = *b"HTTP/1.1 100 Continue\r\n\r\n";
    let expected = go_on;
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(go_on, expected);
    stream
}

#[test]
fn a_request_that_was_begun_is_answered_after_the_listeners_are_gone() {
    let service = Service::start(&[], &[]).ready();
    let body = r#"{"text":"the last"}"#;
    let mut stream = begin(&service, body.len());
    stream.write_all(&body.as_bytes()[..5]).unwrap();
    service.terminate();
    crate::support::wait_until("a listener that is gone", || connect(service.api).is_none());
    stream.write_all(&body.as_bytes()[5..]).unwrap();
    let answer = read(&mut stream).unwrap();
    assert_eq!(answer.code, 201, "{answer:?}");
    let (code, output) = service.process.end();
    assert_eq!(code, Some(0), "{output}");
}

#[test]
fn a_connection_that_never_ends_holds_the_process_up_no_longer_than_the_cap() {
    let service = Service::start(&[], &[("HEALTH_DRAIN_CAP", "300ms")]).ready();
    let _stream = begin(&service, 100);
    let log = service.stop();
    assert!(
        log.contains("connections were still open at the drain cap"),
        "{log}"
    );
}

#[test]
fn connections_without_a_request_end_with_the_delay() {
    let service = Service::start(&[], &[]).ready();
    let silent = connect(service.api).unwrap();
    let mut idle = connect(service.api).unwrap();
    idle.write_all(b"GET /api/time HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .unwrap();
    idle.peek(&mut [0]).unwrap();
    let log = service.stop();
    assert!(!log.contains("still open"), "{log}");
    drop((silent, idle));
}

#[test]
fn operators_can_begin_the_drain_with_their_token() {
    let variables = [LONG, ("MANAGEMENT_TOKEN", "a-token")];
    let service = Service::start(&[], &variables).ready();
    let drain = |fields: &[&str]| {
        crate::support::http::send(service.management, "POST", "/drain", fields, "").code
    };
    assert_eq!(drain(&[]), 401);
    assert_eq!(service.get("/readyz").code, 200);
    assert!((200..300).contains(&drain(&["authorization: Bearer a-token"])));
    service.await_code("/readyz", 503);
    assert_eq!(service.get("/api/time").code, 200);
}
