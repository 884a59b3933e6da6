//! The status page and its stream of events, as the port serves them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use tower_health::management::Management;
use tower_health::{Health, Status};

use super::support::Port;
use crate::support::wait_until;

/// An open stream of events, whose head was read.
struct Events(BufReader<TcpStream>);

impl Events {
    fn open(port: &Port) -> Self {
        let mut stream = port.connect();
        let request = b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n";
        stream.write_all(request).unwrap();
        let mut events = Self(BufReader::new(stream));
        assert_eq!(events.line(), "HTTP/1.1 200 OK");
        while !events.line().is_empty() {}
        events
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Reads until this comes.
    fn until(&mut self, expected: &str) {
        while !self.line().contains(expected) {}
    }

    /// Whether the server has ended the stream.
    fn is_over(&mut self) -> bool {
        self.0.get_ref().set_nonblocking(true).unwrap();
        let mut buffer = [0; 65_536];
        // What came before the end, and `0` for the last chunk.
        let is_over = loop {
            match self.0.read(&mut buffer) {
                Ok(0) => break true,
                Ok(read) if buffer[..read].ends_with(b"0\r\n\r\n") => break true,
                Ok(_) => {}
                Err(_) => break false,
            }
        };
        self.0.get_ref().set_nonblocking(false).unwrap();
        is_over
    }
}

#[test]
fn the_page_comes_with_its_policy_and_its_stream_tells_of_a_drain() {
    let health = Health::fixed(Status::Pass);
    let port = Port::of(&health);
    let page = port.get("/");
    assert_eq!(
        (page.code, page.field("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    let policy = page.field("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert_eq!(page.field("cache-control"), Some("no-store"));
    assert!(page.body.contains("<!DOCTYPE html>"));

    let mut events = Events::open(&port);
    events.until("event: state");
    health.drain();
    events.until("draining");
    let head = port.send("HEAD", "/events", &["host: localhost"]);
    let kind = head.field("content-type");
    assert_eq!(
        (head.code, kind, head.body.as_str()),
        (200, Some("text/event-stream"), "")
    );
}

#[test]
fn of_too_many_streams_the_oldest_ends_and_a_stream_outlives_other_connections() {
    let health = Health::fixed(Status::Pass);
    let port = Port::with(Management::new(&health).connections(24));
    let mut streams: Vec<_> = (0..16).map(|_| Events::open(&port)).collect();
    // More connections than fit beside the streams: those that are idle make room.
    let idle: Vec<_> = (0..40).map(|_| port.connect()).collect();
    assert_eq!(port.get("/livez").code, 200);
    assert!(streams.iter_mut().all(|stream| !stream.is_over()));
    let mut one_more = Events::open(&port);
    one_more.until("event: state");
    let mut oldest = streams.remove(0);
    wait_until("the end of the oldest", || oldest.is_over());
    assert!(
        streams.iter_mut().all(|stream| !stream.is_over()),
        "the others stay"
    );
    drop(idle);
    drop(streams);
    // Those that left have left their places.
    let _again: Vec<_> = (0..15).map(|_| Events::open(&port)).collect();
    assert!(!one_more.is_over());
}

#[test]
fn a_stream_ends_with_the_health() {
    let health = Health::fixed(Status::Pass);
    let port = Port::of(&health);
    let mut events = Events::open(&port);
    events.until("event: state");
    drop(health);
    wait_until("the end of the stream", || events.is_over());
}

#[cfg(feature = "metrics")]
#[test]
fn metrics_are_200_whatever_the_health_is_and_in_the_format_that_is_asked_for() {
    let port = Port::fixed(Status::Fail);
    let metrics = port.get("/metrics");
    assert_eq!(metrics.code, 200);
    assert!(
        metrics
            .field("content-type")
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    assert!(
        metrics.body.contains("health_probe_state"),
        "{}",
        metrics.body
    );
    let accept = "accept: application/openmetrics-text; version=1.0.0";
    let metrics = port.send("GET", "/metrics", &["host: localhost", accept]);
    let kind = metrics.field("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    assert!(metrics.body.ends_with("# EOF\n"));
    let slis = port.get("/metrics/slis");
    assert!(
        slis.code == 200 && slis.body.contains("kubernetes_healthcheck"),
        "{}",
        slis.body
    );
}
