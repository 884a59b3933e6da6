//! The runtime of the application is blocked, and the port answers all the same.

use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tower_health::{Health, Limits};

use super::support::Port;
use crate::support::{Dial, wait_until};

const WORKERS: usize = 2;

fn application() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .unwrap()
}

/// Blocks every worker until the sender is dropped, and so at the latest when the test is over.
fn block(runtime: &Runtime) -> mpsc::Sender<()> {
    let (unblock, is_unblocked) = mpsc::channel();
    let is_unblocked = Arc::new(Mutex::new(is_unblocked));
    for _ in 0..WORKERS {
        let blocks = Arc::new(Barrier::new(2));
        let (begun, is_unblocked) = (Arc::clone(&blocks), Arc::clone(&is_unblocked));
        runtime.spawn(async move {
            begun.wait();
            let _: Result<(), _> = is_unblocked.lock().unwrap().recv();
        });
        // A worker that found both at once could keep the second to itself, and the other one asleep.
        blocks.wait();
    }
    unblock
}

#[test]
fn with_every_worker_blocked_liveness_answers_and_readiness_names_the_lag() {
    let runtime = application();
    let mut limits = Limits::default();
    limits.lateness = Duration::from_millis(100);
    let health = Health::builder()
        .limits(limits)
        .ttl(Duration::from_millis(50))
        .timeout(Duration::from_millis(50))
        .readiness(Dial::pass().check("db"))
        .start_on(runtime.handle())
        .unwrap();
    let port = Port::of(&health);
    wait_until("readiness", || port.get("/readyz").code == 200);

    let unblock = block(&runtime);
    // No task of the application runs from here on.
    let (ran, has_run) = mpsc::channel();
    runtime.spawn(async move { ran.send(()).unwrap() });
    assert_eq!(port.get("/livez").code, 200);
    let mut body = String::new();
    wait_until("a failure of readiness", || {
        let reply = port.get("/readyz");
        body = reply.body;
        reply.code == 503
    });
    assert!(body.contains("db: starved"), "it names the lag: {body}");
    let lateness = port.get("/info").json()["latenessSeconds"]
        .as_f64()
        .unwrap();
    assert!(lateness > 0.0);
    assert_eq!(port.get("/livez").code, 200);
    assert!(has_run.try_recv().is_err(), "the workers are blocked");

    drop(unblock);
    has_run.recv().unwrap();
    wait_until("a recovery", || port.get("/readyz").code == 200);
}

#[test]
#[ignore = "measures, and asserts nothing about time"]
fn how_long_a_probe_takes_while_every_worker_is_blocked() {
    let runtime = application();
    let health = Health::builder()
        .readiness(Dial::pass().check("db"))
        .start_on(runtime.handle())
        .unwrap();
    let port = Port::of(&health);
    wait_until("readiness", || port.get("/readyz").code == 200);
    let unblock = block(&runtime);
    for path in ["/livez", "/readyz"] {
        let mut times: Vec<_> = (0..1000)
            .map(|_| {
                let asked = Instant::now();
                let _ = port.get(path);
                asked.elapsed()
            })
            .collect();
        times.sort();
        println!(
            "{path}: median {:?}, p99 {:?}, max {:?}",
            times[499], times[989], times[999]
        );
    }
    drop(unblock);
}
