//! What the service tells systemd, at a socket that the test opens.

use std::os::unix::net::UnixDatagram;

use crate::support::PATIENCE;
use crate::support::postgres::Postgres;
use crate::support::service::Service;

/// Reads until an assignment begins with this. Returns all that came before it.
fn until(socket: &UnixDatagram, assignment: &str) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let received = socket.recv(&mut buffer);
        let length = received.unwrap_or_else(|error| panic!("{error}, after {seen:?}"));
        let text = String::from_utf8_lossy(&buffer[..length]);
        for line in text.lines() {
            if line.starts_with(assignment) {
                return seen;
            }
            seen.push(line.to_owned());
        }
    }
}

#[test]
fn it_is_ready_once_migrations_are_applied_and_stopping_once_it_is_asked_to_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let postgres = Postgres::start();
    let other = postgres.hold("CREATE TABLE notes (id int)");
    let url = postgres.url();
    let variables = [
        ("DATABASE_URL", &*url),
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
    ];
    let service = Service::start(&[], &variables);
    postgres.await_waiting();
    // What follows depends on whether the check of the database has had a result yet.
    let mut starting = until(&socket, "STATUS=starting: ");
    socket.set_nonblocking(true).unwrap();
    let mut buffer = [0; 4096];
    while let Ok(length) = socket.recv(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..length]);
        starting.extend(text.lines().map(str::to_owned));
    }
    socket.set_nonblocking(false).unwrap();
    let is_told = |seen: &[String], assignment| seen.iter().any(|line| line == assignment);
    assert!(!is_told(&starting, "READY=1"), "{starting:?}");

    postgres.release(other);
    let before = until(&socket, "READY=1");
    assert!(!is_told(&before, "STOPPING=1"), "{before:?}");
    service.await_code("/readyz", 200);
    service.terminate();
    let before = until(&socket, "STOPPING=1");
    assert!(!is_told(&before, "READY=1"), "once: {before:?}");
    let (code, output) = service.process.end();
    assert_eq!(code, Some(0), "{output}");
}
