//! What hangs, rather than fails: a database that stands still, a statement, a body.

use std::io::Write;
use std::thread;

use crate::support::http::{connect, get, read};
use crate::support::postgres::Postgres;
use crate::support::service::Service;
use crate::support::wait_until;

#[test]
fn while_postgres_stands_still_the_service_lives_is_not_ready_and_serves_what_needs_no_database() {
    let postgres = Postgres::start();
    let url = postgres.url();
    let service = Service::start(&[], &[("DATABASE_URL", &*url)]).ready();
    assert_eq!(service.get("/api/notes").code, 200);
    postgres.freeze();
    service.await_code("/readyz", 503);
    for port in [service.api, service.web, service.management] {
        assert_eq!(get(port, "/livez").code, 200);
        assert_eq!(get(port, "/startupz").code, 200);
        assert_eq!(get(port, "/readyz").code, 503);
    }
    assert_eq!(service.get("/api/time").code, 200);
    assert_eq!(service.get("/api/notes").code, 503);
    postgres.thaw();
    service.await_code("/readyz", 200);
    wait_until("notes", || service.get("/api/notes").code == 200);
    service.stop();
}

#[test]
fn statements_that_never_end_are_answered_and_their_connections_replaced() {
    const POOL: usize = 10;
    let postgres = Postgres::start();
    let url = postgres.url();
    let service = Service::start(&[], &[("DATABASE_URL", &*url)]).ready();
    let lock = postgres.hold("LOCK TABLE notes");
    let port = service.api;
    let requests: Vec<_> = (0..POOL)
        .map(|_| thread::spawn(move || get(port, "/api/notes")))
        .collect();
    postgres.await_waiting_sessions(POOL);
    postgres.freeze_sessions();
    postgres.release(lock);
    for request in requests {
        let answer = request.join().unwrap();
        assert_eq!(answer.code, 503, "{answer:?}");
        assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
    }
    // The frozen sessions still are.
    service.await_code("/readyz", 200);
    wait_until("notes", || service.get("/api/notes").code == 200);
}

#[test]
fn postgres_ends_a_statement_that_takes_too_long() {
    let postgres = Postgres::start();
    let url = postgres.url();
    let service = Service::start(&[], &[("DATABASE_URL", &*url)]).ready();
    let lock = postgres.hold("LOCK TABLE notes");
    let answer = service.get("/api/notes");
    assert_eq!(answer.code, 503, "{answer:?}");
    assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
    postgres.release(lock);
    let log = service.stop();
    assert!(log.contains("statement timeout"), "{log}");
}

#[test]
fn a_request_whose_body_stops_half_way_is_answered_and_its_connection_closed() {
    let service = Service::start(&[], &[]).ready();
    let mut stream = connect(service.api).unwrap();
    stream
        .write_all(
            b"POST /api/notes HTTP/1.1\r\nhost: localhost\r\n\
            content-type: application/json\r\ncontent-length: 100\r\n\r\n{\"text\":",
        )
        .unwrap();
    // Up to the end of the connection.
    let answer = read(&mut stream).unwrap();
    assert_eq!(answer.code, 503, "{answer:?}");
    assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
    let log = service.stop();
    let told = "a request took too long operation=\"/api/notes\"";
    assert!(log.contains(told), "{log}");
}
