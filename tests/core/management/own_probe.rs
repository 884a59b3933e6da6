//! The probe for images without curl.

use std::fmt::Display;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use tower_health::management::Management;
use tower_health::{Health, Status, self_probe};

use super::support::{Port, listener};
use crate::support::PATIENCE;
use crate::support::port::ClosedPort;

/// A server that sends this to the first client, byte for byte, and then leaves.
fn sends(answer: &'static [u8]) -> SocketAddr {
    let listener = listener();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(answer);
    });
    address
}

fn probe(target: impl Display, path: &str) -> Result<(), String> {
    self_probe(&target.to_string(), path, PATIENCE).map_err(|error| error.to_string())
}

#[test]
fn it_passes_and_fails_with_the_probe() {
    let health = Health::fixed(Status::Warn);
    let port = Port::of(&health);
    assert_eq!(probe(port.address(), "/readyz"), Ok(()));
    assert_eq!(
        probe(format!("http://{}", port.address()), "/livez"),
        Ok(())
    );
    let by_name = format!("localhost:{}", port.address().port());
    assert_eq!(
        probe(by_name, "/readyz"),
        Ok(()),
        "of two addresses, one accepts"
    );
    health.drain();
    let error = self_probe(&port.address().to_string(), "/readyz", PATIENCE).unwrap_err();
    assert_eq!(error.status(), Some(503));
    assert!(error.to_string().contains("draining"), "{error}");
    let error = probe(port.address(), "/nothing").unwrap_err();
    assert_eq!(error, "status 404: not found");
}

#[cfg(unix)]
#[test]
fn it_reaches_a_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("health.sock");
    let target = format!("unix:{}", path.display());
    let error = probe(&target, "/livez").unwrap_err();
    assert!(error.starts_with("cannot connect: "), "{error}");
    let health = Health::fixed(Status::Pass);
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let _server = Management::new(&health).serve(listener).unwrap();
    assert_eq!(probe(&target, "/livez"), Ok(()));
}

#[test]
fn what_is_no_answer_is_an_error_that_says_why() {
    let closed = ClosedPort::bind();
    let error = probe(closed.address(), "/livez").unwrap_err();
    assert!(error.starts_with("cannot connect: "), "{error}");
    let cases: [(&'static [u8], &str); 3] = [
        (b"", "the server closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP/1"),
        (
            b"HTTP/1.1 302 Found\r\nlocation: /login\r\n\r\n",
            "status 302",
        ),
    ];
    for (answer, expected) in cases {
        assert_eq!(probe(sends(answer), "/livez").unwrap_err(), expected);
    }
}

#[test]
fn a_server_that_never_answers_or_drips_is_a_timeout() {
    let silent = listener();
    let address = silent.local_addr().unwrap().to_string();
    let short = Duration::from_millis(50);
    let error = self_probe(&address, "/livez", short).unwrap_err();
    assert!(error.is_timeout(), "{error}");

    let drips = listener();
    let address = drips.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut stream, _) = drips.accept().unwrap();
        // Ends when the client leaves.
        while stream.write_all(b"H").is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    });
    let error = self_probe(&address, "/livez", short).unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

#[test]
fn malformed_input_is_refused_before_anything_is_sent() {
    for (target, path) in [
        ("127.0.0.1", "/livez"),
        ("https://127.0.0.1:1", "/livez"),
        ("127.0.0.1:1", "livez"),
        ("127.0.0.1:1", "/a b"),
        ("127.0.0.1:1", "/a\r\nx: y"),
    ] {
        let error = self_probe(target, path, PATIENCE).unwrap_err();
        assert!(error.is_input(), "{target} {path}: {error}");
    }
    let error = self_probe("127.0.0.1:1", "/", Duration::ZERO).unwrap_err();
    assert!(error.is_input());
}
