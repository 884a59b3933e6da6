//! Many connections.

use std::io::Write;
use std::time::Duration;

use crate::support::http::{connect, get};
use crate::support::postgres::Postgres;
use crate::support::service::Service;
use crate::support::wait_until;

#[test]
fn connections_leave_descriptors_for_a_database_that_comes_back_and_for_operators() {
    const DESCRIPTORS: u32 = 128;
    let mut postgres = Postgres::start();
    let url = postgres.url();
    let service = Service::with_descriptors(DESCRIPTORS, &[("DATABASE_URL", &*url)]).ready();
    let silent: Vec<_> = (0..DESCRIPTORS)
        .map(|_| connect(service.api).unwrap())
        .collect();
    wait_until("a warning", || {
        service.process.output().contains("every place is taken")
    });
    postgres.kill();
    wait_until("503", || get(service.management, "/readyz").code == 503);
    postgres.bring_up();
    wait_until("200", || get(service.management, "/readyz").code == 200);
    drop(silent);
    assert_eq!(service.get("/api/notes").code, 200);
}

#[test]
fn a_peer_that_reads_no_answer_loses_its_connection() {
    let service = Service::start(&[], &[]).ready();
    let mut stream = connect(service.api).unwrap();
    stream
        .set_write_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let requests = b"GET /api/time HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1000);
    // Until every buffer between the two is full.
    while stream.write_all(&requests).is_ok() {}
    let peer = stream.local_addr().unwrap().port();
    assert!(is_connected(service.api, peer));
    wait_until("an end of the connection", || {
        !is_connected(service.api, peer)
    });
    drop(stream);
}

/// Whether the side of this port holds a connection to the other one.
fn is_connected(port: u16, peer: u16) -> bool {
    const ESTABLISHED: &str = "01";
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().any(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        fields[1].ends_with(&format!(":{port:04X}"))
            && fields[2].ends_with(&format!(":{peer:04X}"))
            && fields[3] == ESTABLISHED
    })
}
