//! Counters of probes: off unless they are switched on.

use http::Request;
use tower_health::{Details, HealthLayer, Status};

use super::scrape::scrape;
use crate::support::prober::send;
use crate::support::{Dial, lapse, secs, settle, steady};

#[tokio::test(start_paused = true)]
async fn without_the_setting_nothing_is_counted() {
    let health = steady().start().unwrap();
    let layer = HealthLayer::new(health.clone());
    send(&layer, Request::get("/livez")).await;
    assert!(health.probe_requests().is_empty());
    let samples = scrape(&health);
    assert!(!samples.keys().any(|series| series.contains("requests")));
}

#[tokio::test(start_paused = true)]
async fn each_answer_is_counted_once_by_probe_and_code() {
    let db = Dial::pass();
    let health = steady()
        .readiness(db.check("db"))
        .count_probe_requests()
        .start()
        .unwrap();
    let public = HealthLayer::new(health.clone());
    let detailed = HealthLayer::builder(health.clone()).details(Details::always());
    let detailed = detailed.build().unwrap();
    settle().await;
    for (layer, method, path) in [
        (&public, "GET", "/livez"),
        (&public, "HEAD", "/readyz"),
        (&public, "OPTIONS", "/readyz"),
        (&public, "POST", "/readyz"),
        (&public, "GET", "/startupz"),
        (&detailed, "GET", "/readyz?verbose"),
        (&detailed, "GET", "/readyz/db"),
        // None of these is answered as a probe.
        (&public, "GET", "/readyz/db"),
        (&detailed, "GET", "/readyz/nobody"),
        (&public, "GET", "/orders"),
    ] {
        send(layer, Request::builder().method(method).uri(path)).await;
    }
    db.turn(Status::Fail);
    lapse(secs(1)).await;
    settle().await;
    send(&public, Request::get("/readyz")).await;
    let answer = detailed.answer("GET", "/readyz", None, [("host", "x")]);
    assert_eq!(answer.unwrap().status(), 503);

    let counted = health.probe_requests().into_iter();
    let counted = counted.filter(|requests| requests.count > 0);
    let counted: Vec<_> = counted
        .map(|requests| {
            (
                requests.probe,
                requests.code,
                requests.transport,
                requests.count,
            )
        })
        .collect();
    assert_eq!(
        counted,
        [
            ("liveness", "200", "http", 1),
            ("readiness", "200", "http", 4),
            ("readiness", "503", "http", 2),
            ("readiness", "405", "http", 1),
            ("startup", "200", "http", 1),
        ]
    );
    let series = r#"health_probe_requests_total{probe="readiness",code="503",transport="http"}"#;
    assert_eq!(scrape(&health)[series], 2.0);
}
