//! Layers, services and probes start nothing: no task, and no run of a check.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use http::{Request, Response};
use tokio::runtime::Handle;
use tower::{Layer, ServiceExt, service_fn};
use tower_health::{Health, HealthLayer, ProbeBody, indicator_fn};

use super::support::{Body, PROBES, get, ok, probes_answer_at_once};

async fn handler(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(ok())
}

/// A health whose one check counts its runs, one each second.
fn counted() -> (Health, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let check = indicator_fn("counted", move || {
        counter.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, Infallible>(()) }
    });
    let health = Health::builder().readiness(check).jitter(0.0);
    (health.start().unwrap(), runs)
}

#[tokio::test(start_paused = true)]
async fn layering_and_serving_spawns_no_task() {
    let (health, _) = counted();
    health.await_ready().await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await; // between two runs
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();

    let layer = HealthLayer::new(health.clone());
    let mapped = HealthLayer::new(health).map_body(|_: ProbeBody| Body::default());
    let mut services = Vec::new();
    for _ in 0..1000 {
        let mut service = layer.layer(service_fn(handler));
        probes_answer_at_once(&mut service);
        probes_answer_at_once(&mut mapped.layer(service_fn(handler)));
        service.clone().oneshot(get("/")).await.unwrap();
        services.push(service);
    }
    assert_eq!(tasks(), before);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_concurrent_probes_run_no_check() {
    let (health, runs) = counted();
    health.await_ready().await.unwrap();
    let service = HealthLayer::new(health).layer(service_fn(handler));
    tokio::time::sleep(Duration::from_millis(500)).await; // between two runs

    for second in 1..4 {
        let probes = (0..10_000).map(|number| {
            let probe = get(PROBES[number % PROBES.len()]);
            tokio::spawn(service.clone().oneshot(probe))
        });
        for answer in join_all(probes).await {
            assert_eq!(answer.unwrap().unwrap().status(), 200);
        }
        assert_eq!(runs.load(Ordering::Relaxed), second);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(runs.load(Ordering::Relaxed), second + 1);
    }
}
