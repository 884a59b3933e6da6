//! The life of each example: warm-up, ready, failing, ready again, draining, gone.

use std::fs;
use std::time::{Duration, Instant};

use super::support::Service;
use crate::support::wait_until;

const FAIL: &str = r#"503 {"status":"fail"}"#;
const PASS: &str = r#"200 {"status":"pass"}"#;

/// Longer than any test runs: a delay that only a second signal can end.
const FOR_EVER: &str = "3600000";

const HELLO: &str = "GET / HTTP/1.1\r\n\
    host: localhost\r\n\
    connection: close\r\n\r\n";

/// `HelloRequest { name: "bob" }` behind its five bytes of gRPC frame.
const HELLO_BOB: &str = "POST /hello.Greeter/SayHello HTTP/1.1\r\n\
    host: localhost\r\n\
    connection: close\r\n\
    te: trailers\r\n\
    content-type: application/grpc\r\n\
    content-length: 10\r\n\r\n\
    \0\0\0\0\x05\n\x03bob";

#[test]
fn the_axum_example_keeps_its_promises() {
    live_with("axum", HELLO, "hello\n");
}

#[test]
fn the_hyper_example_keeps_its_promises() {
    live_with("hyper", HELLO, "hello\n");
}

#[test]
fn the_tonic_example_keeps_its_promises() {
    live_with("tonic", HELLO_BOB, "hello bob");
}

fn live_with(example: &str, request: &str, answer: &str) {
    let parent = tempfile::tempdir().unwrap();
    let data_dir = parent.path().join("data");
    fs::create_dir(&data_dir).unwrap();
    let data_dir_name = data_dir.to_str().unwrap();
    let settings = [("DATA_DIR", data_dir_name), ("DRAIN_MS", FOR_EVER)];
    let mut service = Service::start(example, &settings);
    // Whatever the other probes say, requests are served and no probe requests a restart.
    let readyz = || {
        let hello = service.exchange(request);
        assert!(
            hello.starts_with("200 ") && hello.contains(answer),
            "{hello:?}"
        );
        assert_eq!(service.get("/livez"), PASS);
        service.get("/readyz")
    };
    let becomes = |expected: &str| wait_until("the readiness", || readyz() == expected);

    assert_eq!(service.get("/startupz"), FAIL);
    assert_eq!(readyz(), FAIL);
    becomes(PASS);
    assert_eq!(service.get("/startupz"), PASS);

    fs::remove_dir(&data_dir).unwrap();
    becomes(FAIL);
    // Over several runs of the check, so that a reason which is logged for each run would show.
    let failing_since = Instant::now();
    wait_until("several more runs", || {
        assert_eq!(readyz(), FAIL);
        failing_since.elapsed() > Duration::from_millis(2_500)
    });
    fs::create_dir(&data_dir).unwrap();
    becomes(PASS);

    service.terminate();
    becomes(FAIL);
    assert_eq!(readyz(), FAIL);
    assert_eq!(service.get("/startupz"), PASS);

    service.terminate();
    let log = service.end();
    let reason = format!("cannot write to {data_dir_name}");
    assert_eq!(log.matches(&reason).count(), 1, "{log}");
    assert_eq!(log.matches("output=\"draining\"").count(), 1, "{log}");
}

#[test]
fn without_settings_the_drain_takes_five_seconds_and_leaves_nothing_behind() {
    let examples = ["axum", "hyper", "tonic"];
    let mut services = examples.map(|example| Service::start(example, &[]));
    let idle: Vec<_> = services.iter().map(Service::idle_connection).collect();
    let sent = Instant::now();
    for service in &services {
        assert!(service.data_dir.is_dir());
        service.terminate();
    }
    for service in &mut services {
        let log = service.end();
        // It cannot have been shorter, however fast the machine.
        assert!(sent.elapsed() >= Duration::from_secs(5), "{log}");
        // That an idle connection is closed is what keeps the cap out of it.
        assert!(!log.contains("connections were still open"), "{log}");
        assert!(!service.data_dir.exists(), "{log}");
    }
    drop(idle);
}
