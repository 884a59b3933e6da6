//! What can be switched in the example of the indicators, and is seen to fail and to recover.

use std::net::TcpListener;

use super::support::Service;
use crate::support::wait_until;

#[test]
fn the_indicators_example_fails_and_recovers_on_demand() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let settings = [("TCP_ADDRESS", &*address.to_string())];
    let mut service = Service::start("indicators", &settings);
    let post = |path: &str| {
        let head = "host: localhost\r\nconnection: close\r\ncontent-length: 0";
        let answer = service.exchange(&format!("POST {path} HTTP/1.1\r\n{head}\r\n\r\n"));
        assert!(answer.starts_with("200"), "{path}: {answer}");
    };
    let shows = |line: &str| {
        wait_until(line, || service.get("/readyz?verbose").contains(line));
        assert!(service.get("/livez").starts_with("200"));
    };
    shows("[-]import failed: no push yet");
    post("/import");
    shows("[+]import ok");
    shows("[+]tcp ok");
    post("/maintenance");
    shows("[-]maintenance failed: planned maintenance");
    post("/maintenance");
    shows("[+]maintenance ok");
    drop(listener);
    shows("[-]tcp failed: connecting to");
    let _listener = TcpListener::bind(address).unwrap();
    shows("[+]tcp ok");
    post("/block");
    shows("[-]workers failed: 1 of 1 runtimes lag");
    shows("[+]workers ok");
    service.terminate();
    service.terminate();
    service.end();
}
