//! Checks that never yield: no runtime can abort them, but they stop nothing beside themselves.
//!
//! Real threads need the real clock; every wait here is for a condition, with a deadline.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use axum::{Router, routing::get};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower_health::{Check, HealthLayer, Probe, Status, indicator_fn};

use super::support::{PASSED, Script, failed, readiness, seen, state, ticks, two_workers};
use crate::support::{eventually, millis, secs, steady, wait_until};

const TTL: Duration = millis(20);

/// Holds a worker thread until `stop` is set: it never yields, and cannot be aborted.
fn never_yielding(stop: &Arc<AtomicBool>, runs: &Arc<AtomicUsize>) -> Check {
    let (stop, runs) = (Arc::clone(stop), Arc::clone(runs));
    Check::new(indicator_fn("busy", move || {
        let (stop, runs) = (Arc::clone(&stop), Arc::clone(&runs));
        async move {
            runs.fetch_add(1, Ordering::SeqCst);
            while !stop.load(Ordering::SeqCst) {
                thread::sleep(millis(1));
            }
            Ok::<_, String>(())
        }
    }))
    .ttl(TTL)
    .timeout(millis(60))
}

/// Stops the busy loop even when the test fails, or its runtime could never end.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

async fn ask(address: SocketAddr, path: &str) -> String {
    let answer = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = tokio::time::timeout(secs(20), answer);
    answer.await.expect("probes are answered")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_never_yields_stops_neither_other_checks_nor_probes() {
    let (stop, runs) = (Arc::default(), Arc::default());
    let _stop = StopOnDrop(Arc::clone(&stop));
    let other = Script::passing();
    let health = steady()
        .readiness(never_yielding(&stop, &runs))
        .readiness(other.check("other").ttl(TTL))
        .start()
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().route("/", get(|| async { "hello" }));
    let app = app.layer(HealthLayer::new(health.clone()));
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    let timed_out = failed("timed out after 60ms");
    eventually("the timeout", async || seen(&health, "busy") == timed_out).await;
    let before = other.runs();
    eventually("other checks go on", async || other.runs() > before + 10).await;
    assert_eq!(seen(&health, "other"), PASSED);
    let alive = ask(address, "/livez").await;
    assert!(alive.starts_with("HTTP/1.1 200 OK") && alive.ends_with(r#"{"status":"pass"}"#));
    assert!(ask(address, "/readyz").await.starts_with("HTTP/1.1 503"));
    assert!(ask(address, "/").await.ends_with("hello"));
    assert_eq!(
        runs.load(Ordering::SeqCst),
        1,
        "the next run waits for the end of the last"
    );
    assert_eq!(seen(&health, "busy"), timed_out);

    stop.store(true, Ordering::SeqCst);
    eventually("recovery", async || seen(&health, "busy") == PASSED).await;
    assert!(runs.load(Ordering::SeqCst) > 1);
    server.abort();
}

// Two failures would be forgiven; but the run never ends, so its last result expires.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_never_ends_becomes_stale_although_its_failures_would_be_forgiven() {
    let (stop, runs) = (Arc::new(AtomicBool::new(true)), Arc::default());
    let _stop = StopOnDrop(Arc::clone(&stop));
    let check = never_yielding(&stop, &runs)
        .failure_threshold(3)
        .stale_after(millis(300));
    let health = steady().readiness(check).start().unwrap();
    eventually("ready", async || readiness(&health) == Status::Pass).await;
    stop.store(false, Ordering::SeqCst);
    eventually("stale", async || readiness(&health) == Status::Fail).await;
    let snapshot = health.snapshot();
    let report = snapshot.report(Probe::Readiness);
    let output = report.output().unwrap();
    assert!(
        output.starts_with("busy: stale: the last run ended "),
        "{output}"
    );
    assert!(state(&health, "busy").is_stale(), "not failed: forgiven");
}

// Nothing else happens when the run is due, so that nothing else would wake another worker.
#[test]
fn a_lone_check_that_never_yields_stops_neither_the_clock_nor_the_network() {
    let (stop, runs) = (Arc::new(AtomicBool::new(true)), Arc::default());
    let runtime = two_workers();
    let _stop = StopOnDrop(Arc::clone(&stop));
    let check = never_yielding(&stop, &runs).ttl(millis(225));
    let health = steady()
        .readiness(check)
        .start_on(runtime.handle())
        .unwrap();
    let ticks = ticks(&runtime);
    wait_until("ready", || readiness(&health) == Status::Pass);
    stop.store(false, Ordering::SeqCst);
    let timed_out = failed("timed out after 60ms");
    wait_until("the timeout", || seen(&health, "busy") == timed_out);
    let before = ticks.load(Ordering::SeqCst);
    wait_until("the clock goes on", || {
        ticks.load(Ordering::SeqCst) > before + 5
    });
    assert_eq!(seen(&health, "busy"), timed_out);
}
