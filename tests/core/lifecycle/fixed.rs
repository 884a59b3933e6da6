//! `Health::fixed`, for users' own tests, and `HealthLayer::is_probe`, for their telemetry.

use http::Request;
use tower::Layer;
use tower_health::{Details, Health, HealthLayer, Probe, Status};

use super::support::{answer, report};
use crate::support::secs;

#[test]
fn a_fixed_health_needs_no_runtime() {
    for status in [Status::Pass, Status::Warn, Status::Fail] {
        let health = Health::fixed(status);
        assert_eq!(health.status(Probe::Readiness), status);
        assert_eq!(health.status(Probe::Liveness), Status::Pass);
        assert_eq!(health.status(Probe::Startup), Status::Pass);
        assert_eq!(health.snapshot().status(Probe::Readiness), status);
        assert_eq!(health.refresher_restarts(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fixed_health_answers_like_any_other() {
    let cases = [
        (Status::Pass, 200),
        (Status::Warn, 200),
        (Status::Fail, 503),
    ];
    for (status, code) in cases {
        let health = Health::fixed(status);
        assert_eq!(answer(&health, Probe::Readiness).await, (code, status));
        let told = report(&health, Probe::Readiness).await;
        assert_eq!(told["status"], status.as_str());
    }
}

// It never runs, and so nothing is said to be waited for.
#[test]
fn the_check_of_a_fixed_health_has_no_output() {
    for status in [Status::Pass, Status::Fail] {
        let snapshot = Health::fixed(status).snapshot();
        let check = snapshot.checks(Probe::Readiness).next().unwrap();
        assert_eq!(check.output(), None, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn time_does_not_change_a_fixed_health() {
    let health = Health::fixed(Status::Pass);
    tokio::time::sleep(secs(10 * 365 * 24 * 3600 / 12)).await;
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
}

#[tokio::test(start_paused = true)]
async fn a_fixed_health_is_ready_or_never() {
    Health::fixed(Status::Pass).await_ready().await.unwrap();
    Health::fixed(Status::Warn).await_ready().await.unwrap();
    let failing = Health::fixed(Status::Fail);
    failing.await_ready().await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn the_switches_of_a_fixed_health_work() {
    let health = Health::fixed(Status::Pass);
    health.refuse_traffic("no");
    assert_eq!(health.status(Probe::Readiness), Status::Fail);
    health.accept_traffic();
    assert_eq!(health.status(Probe::Readiness), Status::Pass);

    let heartbeat = health.heartbeat("consumer", secs(1)).unwrap();
    tokio::time::sleep(secs(1)).await;
    assert_eq!(health.status(Probe::Liveness), Status::Fail);
    heartbeat.finish();
    assert_eq!(health.status(Probe::Liveness), Status::Pass);

    health.drain_on(async {}).await;
    assert_eq!(health.status(Probe::Readiness), Status::Fail);
    assert!(health.gate("any").unwrap_err().is_unknown());
}

#[test]
fn a_probe_is_recognised_by_its_path_alone() {
    let layer = HealthLayer::builder(Health::fixed(Status::Pass))
        .prefix("/internal")
        .alias("/health", Probe::Readiness)
        .details(Details::never())
        .build()
        .unwrap();
    let cases = [
        ("GET", "/internal/livez", true),
        ("HEAD", "/internal/readyz?verbose&exclude=db", true),
        ("OPTIONS", "http://example.org/internal/startupz", true),
        ("GET", "/internal/health", true),
        // Answered by the layer too, with 405.
        ("POST", "/internal/livez", true),
        ("GET", "/livez", false),
        ("GET", "/internal/livez/", false),
        ("GET", "/internal/readyz/db", false),
        ("GET", "/?path=/internal/livez", false),
    ];
    for (method, uri, expected) in cases {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        assert_eq!(layer.is_probe(&request), expected, "{method} {uri}");
        let service = layer.layer(());
        assert_eq!(service.is_probe(&request), expected, "{method} {uri}");
    }
}
