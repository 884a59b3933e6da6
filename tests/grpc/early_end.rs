//! A second signal ends the drain delay, and with it every watch.
//!
//! The signals are real, and a process that once listened for them does not end by them any more:
//! so the test runs in a child process.

use std::process::Command;

use tower_health::Health;

use crate::calls::{WATCH, asking, request, send};
use crate::reply::UNAVAILABLE;
use crate::stream::{NOT_SERVING, SERVING, Stream, Told};
use crate::support::{PATIENCE, child, secs};

#[test]
fn a_second_signal_ends_every_watch() {
    child::passes(module_path!(), "child");
}

#[tokio::test]
#[ignore = "the service that the test above starts, and that sends itself signals"]
async fn child() {
    if !child::is_child() {
        return;
    }
    // Longer than any test runs: only the second signal can end it.
    let health = Health::builder().drain_delay(secs(3600)).start().unwrap();
    let shutdown = tokio::spawn(health.shutdown_signal());
    let mut stream = Stream::open(&health, "").await;
    let mut live = Stream::open(&health, "liveness").await;
    let next = async |stream: &mut Stream| {
        let next = tokio::time::timeout(PATIENCE, stream.next()).await;
        next.expect("told in time")
    };
    assert_eq!(next(&mut stream).await, SERVING);
    assert_eq!(next(&mut live).await, SERVING);
    terminate();
    assert_eq!(next(&mut stream).await, NOT_SERVING);
    assert!(!shutdown.is_finished());
    terminate();
    assert_eq!(next(&mut stream).await, Told::Ended(UNAVAILABLE));
    assert_eq!(next(&mut live).await, Told::Ended(UNAVAILABLE));
    let late = send(&health, request(WATCH, asking(""))).await;
    assert_eq!(late.status(), Err(UNAVAILABLE), "the delay is over for all");
    let shutdown = tokio::time::timeout(PATIENCE, shutdown).await;
    shutdown.expect("shut down in time").unwrap();
}

fn terminate() {
    let process = std::process::id().to_string();
    let sent = Command::new("kill").args(["-TERM", &process]).status();
    assert!(sent.unwrap().success());
}
