//! The states that the pictures of the guide show, made in simulated time.
//!
//! `.ci/pictures` takes the pictures of what this writes.

use super::stage::{Cast, Finding, Stage, secs};
use super::*;
use crate::{Criticality, indicator_fn};

const REFUSED: &str = "cannot connect to db-1.internal:5432: connection refused (os error 111)";
const BACKLOG: &str = "3412 messages wait, more than 1000: nothing has been taken for 2 min";
const MEMORY: &str = "used memory is 91 % of maxmemory";

fn shop() -> Cast {
    const WIKI: &str = "https://wiki.example/runbooks/";
    let book = |name: &'static str| {
        move |check: crate::Check| check.link("runbook", format!("{WIKI}{name}"))
    };
    Cast::new()
        .with(|builder| {
            builder
                .environment("production")
                .release_id("2026.11.3+8f2c1e7")
                .version("3")
                .drain_delay(secs(20))
                .gate("migrations")
                .gate("cache-warm-up")
                .link("dashboard", "https://grafana.example/d/shop")
        })
        .check_with("db", 4, |check| {
            let check = book("postgres")(check).affected_endpoint("/orders");
            check
                .affected_endpoint("/checkout")
                .link("dashboard", "https://grafana.example/d/pg")
        })
        .check_with("cache", 1, |check| {
            book("redis")(check).criticality(Criticality::NonCritical)
        })
        .check_with("orders-queue", 7, |check| {
            book("queue")(check).affected_endpoint("/orders")
        })
        .check_with("payments-api", 61, book("payments"))
        .check("search", 23)
        .check_with("data-dir", 1, |check| check.timeout(secs(1)))
        .check("certificate", 12)
        .check("in-flight", 0)
}

/// Runs the service until it is ready, a few seconds after 02:10.
async fn started() -> (Stage, crate::Heartbeat) {
    let stage = shop().start();
    let heartbeat = stage
        .health
        .heartbeat("outbox-relay", secs(100_000))
        .unwrap();
    stage.until(3).await;
    stage.health.gate("migrations").unwrap().complete();
    stage.until(6).await;
    stage.health.gate("cache-warm-up").unwrap().complete();
    (stage, heartbeat)
}

async fn write(name: &str, stage: &Stage) {
    let html = Pages::default().page(&stage.health).html;
    assert!(html.len() < 64 * 1024, "{name}: {} bytes", html.len());
    // The policy would block them; a page that needs none says nothing to the console.
    let text = String::from_utf8_lossy(&html);
    assert!(
        !text.contains(" style=") && !text.contains(" onload="),
        "{name}"
    );
    if let Some(folder) = std::env::var_os("TOWER_HEALTH_PICTURES") {
        let path = std::path::Path::new(&folder)
            .join(name)
            .with_extension("html");
        std::fs::write(path, html).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn healthy() {
    let (stage, _heartbeat) = started().await;
    stage.until(1_500).await;
    stage.set("payments-api", Finding::Fail("503 Service Unavailable"));
    stage.until(1_560).await;
    stage.set("payments-api", Finding::Pass(66));
    stage.until(3_971).await;
    write("healthy", &stage).await;
}

#[tokio::test(start_paused = true)]
async fn failing() {
    let (stage, _heartbeat) = started().await;
    stage.until(1_271).await;
    stage.set("cache", Finding::Warn(MEMORY));
    stage.until(3_040).await;
    stage.set("db", Finding::Pass(160));
    stage.until(3_131).await;
    stage.set("db", Finding::Fail(REFUSED));
    stage.until(3_160).await;
    stage.set("orders-queue", Finding::Fail(BACKLOG));
    stage.until(3_975).await;
    write("failing", &stage).await;
}

#[tokio::test(start_paused = true)]
async fn draining() {
    let (stage, _heartbeat) = started().await;
    stage.until(3_960).await;
    stage.health.drain();
    stage.until(3_971).await;
    write("draining", &stage).await;
}

#[tokio::test(start_paused = true)]
async fn starting() {
    let slow = || {
        indicator_fn("schema-version", || {
            std::future::pending::<Result<(), crate::Failure>>()
        })
    };
    let stage = shop().with(|builder| builder.startup(slow())).start();
    stage.until(2).await;
    stage.health.gate("migrations").unwrap().complete();
    let _warm_up = stage.health.gate("cache-warm-up").unwrap();
    stage.until(4).await;
    write("starting", &stage).await;
}
