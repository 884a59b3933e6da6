//! The route table: what is served, and that nothing else is.

use std::io::{Read, Write};

use tower_health::{Health, Probe, Status};

use super::support::{Port, Reply, TOKEN};
use crate::support::{Dial, steady};

#[tokio::test]
async fn each_route_answers_get_and_head_and_no_other_method() {
    let health = steady()
        .readiness(Dial::pass().check("db"))
        .start()
        .unwrap();
    health.await_ready().await.unwrap();
    let port = Port::of(&health);
    let mut paths = vec![
        "/livez",
        "/readyz",
        "/startupz",
        "/readyz/db",
        "/",
        "/info",
        "/history",
    ];
    if cfg!(feature = "metrics") {
        paths.extend(["/metrics", "/metrics/slis"]);
    }
    for path in paths {
        let get = port.get(path);
        assert_eq!(get.code, 200, "{path}");
        let head = port.send("HEAD", path, &["host: localhost"]);
        assert_eq!((head.code, head.body.as_str()), (200, ""), "{path}");
        assert!(
            head.field("content-length")
                .is_some_and(|length| length != "0"),
            "{path}"
        );
        for method in [
            "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "QUERY",
        ] {
            let other = port.send(method, path, &["host: localhost"]);
            assert_eq!(other.code, 405, "{method} {path}");
            let allowed = other.field("allow").unwrap();
            assert!(
                allowed.starts_with("get, head"),
                "{method} {path}: {allowed}"
            );
        }
    }
}

#[test]
fn options_is_answered_on_probes_alone_as_haproxy_asks() {
    let port = Port::fixed(Status::Fail);
    let probe = port.send("OPTIONS", "/readyz", &["host: localhost"]);
    assert_eq!((probe.code, probe.body.as_str()), (503, ""));
    for path in ["/info", "/history"] {
        assert_eq!(
            port.send("OPTIONS", path, &["host: localhost"]).code,
            405,
            "{path}"
        );
    }
}

/// Paths that other health endpoints have opened: CVE-2026-22731 matched what lies below a health
/// path, CVE-2019-11248 was a profiler beside one, and the rest are how filters in front of a router
/// have been passed.
const NOT_ROUTES: [&str; 68] = [
    "/env",
    "/heapdump",
    "/threaddump",
    "/dump",
    "/config",
    "/configprops",
    "/loggers",
    "/beans",
    "/shutdown",
    "/restart",
    "/drain",
    "/actuator",
    "/actuator/health",
    "/debug/pprof/",
    "/debug/vars",
    "/favicon.ico",
    "/.env",
    "/.git/config",
    "/server-status",
    "/livez/",
    "/livez/x",
    "/livez/x/y",
    "/readyz/",
    "/readyz/env",
    "/readyz/db/",
    "/readyz/db/env",
    "/readyz/db/..",
    "/readyz//db",
    "/readyz/./db",
    "/readyz/../info",
    "/readyz/..%2finfo",
    "/readyz%2fdb",
    "/readyz/db%2fenv",
    "/readyz/%2e%2e/info",
    "/readyz/db%00",
    "/readyz/db%20",
    "/readyz/DB",
    "/readyz/db;x=1",
    "/readyz;x=1/db",
    "/readyz;",
    "/%72eadyz",
    "/readyz%3fverbose",
    "/READYZ",
    "/Livez",
    "//livez",
    "///info",
    "/info/",
    "/info/env",
    "/info;x",
    "/info%2f",
    "/info.json",
    "/INFO",
    "/%69nfo",
    "/info%00",
    "/./info",
    "/x/../info",
    "/history/db",
    "/history/",
    "/historyz",
    "/metrics/",
    "/metrics/slis/",
    "/metrics/env",
    "/METRICS",
    "/metrics;x",
    "/events/",
    "/index.html",
    "//",
    "/%2e%2e/%2e%2e/etc/passwd",
];

#[tokio::test]
async fn what_is_not_exactly_a_route_is_not_found() {
    let health = steady()
        .readiness(Dial::pass().check("db"))
        .start()
        .unwrap();
    let port = Port::of(&health);
    for path in NOT_ROUTES {
        for method in ["GET", "HEAD", "POST", "OPTIONS"] {
            let reply = port.send(method, path, &["host: localhost"]);
            assert_eq!(reply.code, 404, "{method} {path}");
        }
        let body = port.get(path).body;
        assert_eq!(body, "not found\n", "{path}: tells nothing");
    }
}

#[tokio::test]
async fn odd_targets_of_http1_reach_no_other_route() {
    let health = steady()
        .readiness(Dial::pass().check("db"))
        .start()
        .unwrap();
    let port = Port::of(&health);
    // A proxy's form names the same resource; the others are no path, or no HTTP.
    let cases = [
        ("GET http://localhost/info", 200),
        ("GET http://localhost/env", 404),
        ("GET http://localhost", 200),
        ("OPTIONS *", 404),
        ("GET *", 404),
        ("CONNECT localhost:80", 404),
        ("GET info", 404),
        ("GET ../info", 400),
        ("GET \\info", 400),
        ("GET /info x", 400),
    ];
    for (line, code) in cases {
        let request = format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        assert_eq!(port.exchange(&request).code, code, "{line}");
    }
}

/// The frames of HTTP/2 with this `:path`, which a client library would not send.
fn http2_request(path: &str) -> Vec<u8> {
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let length = u8::try_from(payload.len()).unwrap();
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, stream];
        frame.extend_from_slice(payload);
        frame
    };
    // GET and http from the static table of RFC 7541; path and authority as literals.
    let mut fields = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
    fields.extend_from_slice(path.as_bytes());
    fields.extend_from_slice(&[0x01, 9]);
    fields.extend_from_slice(b"localhost");
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    bytes.extend(frame(1, 0x5, 1, &fields));
    bytes
}

/// What the server made of it: the first byte of the header block, or `None` if it reset the stream
/// or the connection.
fn http2_reply(mut stream: impl Read) -> Option<u8> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).ok()?;
        match head[3] {
            // HEADERS. What precedes them may be a change of the table's size.
            1 => return payload.into_iter().find(|byte| byte & 0xe0 != 0x20),
            // RST_STREAM, GOAWAY.
            3 | 7 => return None,
            _ => {}
        }
    }
}

#[tokio::test]
async fn odd_paths_of_http2_reach_no_other_route() {
    const OK: u8 = 0x88;
    const NOT_FOUND: u8 = 0x8d;
    let health = steady()
        .readiness(Dial::pass().check("db"))
        .start()
        .unwrap();
    health.await_ready().await.unwrap();
    let port = Port::of(&health);
    let reply = |path: &str| {
        let mut stream = port.connect();
        stream.write_all(&http2_request(path)).unwrap();
        http2_reply(stream)
    };
    assert_eq!(
        reply("/info"),
        Some(OK),
        "so that the others mean something"
    );
    assert_eq!(reply("/readyz/db"), Some(OK));
    for path in NOT_ROUTES {
        assert_eq!(reply(path), Some(NOT_FOUND), "{path}");
    }
    // No paths, or absolute targets in the place of one.
    for path in [
        "",
        "*",
        "info",
        "http://localhost/info",
        "../info",
        "\\info",
        "/info x",
        "/in\0fo",
    ] {
        assert_ne!(reply(path), Some(OK), "{path:?}");
    }
}

#[test]
fn a_drain_has_no_path_until_it_is_allowed() {
    let health = Health::fixed(Status::Pass);
    let port = Port::of(&health);
    let authorization = format!("authorization: Bearer {TOKEN}");
    let reply: Reply = port.send("POST", "/drain", &["host: localhost", &authorization]);
    assert_eq!(reply.code, 404);
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
}
