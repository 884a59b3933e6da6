//! The `GET /` of earlier frameworks, and the body formats of their time.

use axum::Router;
use axum::body::{Body, to_bytes};
use http::Request;
use tower::ServiceExt;
use tower_health::legacy::{self, LegacyRoot};
use tower_health::{Criticality, Health, HealthLayer, Observation, Probe, Status};

use crate::support::{Dial, settle, steady};

async fn get(app: &Router, path: &str) -> (u16, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 10_000).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_old_route_and_the_probes_change_together() {
    let (db, cache) = (Dial::pass(), Dial::pass());
    let health = steady()
        .readiness(db.check("db"))
        .readiness(cache.check("cache").criticality(Criticality::NonCritical))
        .start()
        .unwrap();
    let app = Router::new()
        .route("/hello", axum::routing::get(async || "hello"))
        .route_service("/", LegacyRoot::new(health.clone()))
        .layer(HealthLayer::new(health.clone()));
    settle().await;
    let (status, body) = get(&app, "/").await;
    assert_eq!((status, &body[..5]), (200, "OK 20"));
    assert_eq!(get(&app, "/hello").await, (200, "hello".into()));

    let failure = Err(tower_health::Failure::new("refused at 10.0.0.7").value(2.5, "s"));
    db.turn(failure);
    cache.turn(Status::Fail);
    health.run_now("db").await.unwrap();
    health.run_now("cache").await.unwrap();
    let (status, body) = get(&app, "/").await;
    let (first, rest) = body.split_once("\r\n").unwrap();
    assert!(
        first.starts_with("SADNESS 20") && first.ends_with('Z'),
        "{first}"
    );
    assert_eq!(
        (status, rest),
        (503, "db: 2.5\r\n"),
        "no text of an error, and nothing that warns"
    );
    assert_eq!(get(&app, "/readyz").await.0, 503);

    db.turn(Ok(Observation::pass()));
    health.run_now("db").await.unwrap();
    assert_eq!(get(&app, "/").await.0, 200);
    health.drain();
    assert_eq!(get(&app, "/").await.0, 503);
}

/// Replaces what the clock decides.
fn masked(text: &str) -> String {
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
    let text = text.to_owned();
    match value["timestamp"].take() {
        serde_json::Value::String(time) => {
            assert_eq!(&time[10..11], "T");
            assert!(time.ends_with('Z'));
            text.replace(&time, "TIME")
        }
        _ => text,
    }
}

#[tokio::test(start_paused = true)]
async fn the_simple_format_is_as_it_was() {
    let db = Dial::pass();
    let health = steady().readiness(db.check("database")).start().unwrap();
    settle().await;
    let format = |probe| masked(&legacy::simple(&health.snapshot().report(probe)));
    assert_eq!(
        format(Probe::Liveness),
        r#"{"status":"ok","timestamp":"TIME"}"#
    );
    assert_eq!(
        format(Probe::Readiness),
        r#"{"status":"ready","checks":{"database":"healthy"},"timestamp":"TIME"}"#
    );
    db.turn(Status::Fail);
    health.run_now("database").await.unwrap();
    assert_eq!(
        format(Probe::Readiness),
        concat!(
            r#"{"status":"not_ready","checks":{"database":"unhealthy: refused"},"#,
            r#""error":"database: refused","timestamp":"TIME"}"#
        )
    );
    health.mark_broken("out of memory");
    assert_eq!(
        format(Probe::Liveness),
        r#"{"status":"error","error":"marked broken: out of memory","timestamp":"TIME"}"#
    );
}

#[tokio::test(start_paused = true)]
async fn the_summary_is_as_it_was() {
    let db = Dial::pass();
    let health = steady()
        .version("1.0.0")
        .environment("production")
        .readiness(db.check("database"))
        .format("application/json", legacy::summary)
        .start()
        .unwrap();
    settle().await;
    let details = tower_health::Details::always();
    let layer = HealthLayer::builder(health.clone())
        .details(details)
        .build()
        .unwrap();
    let app = Router::new().layer(layer);
    let expected = concat!(
        r#"{"healthy":true,"version":"1.0.0","environment":"production","uptime":0,"#,
        r#""checks":{"database":{"healthy":true,"latencyMs":0}}}"#
    );
    assert_eq!(get(&app, "/readyz").await, (200, expected.into()));
    tokio::time::advance(std::time::Duration::from_millis(2_500)).await;
    db.turn(Status::Fail);
    health.run_now("database").await.unwrap();
    let (status, body) = get(&app, "/readyz").await;
    let report: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &report["healthy"], &report["uptime"]),
        (503, &false.into(), &2.into())
    );
    let check = serde_json::json!({"healthy": false, "latencyMs": 0, "message": "refused"});
    assert_eq!(report["checks"]["database"], check);
}

#[test]
fn a_fixed_health_has_neither_version_nor_environment() {
    let health = Health::fixed(Status::Pass);
    let summary = legacy::summary(&health.snapshot().report(Probe::Liveness));
    assert_eq!(summary, r#"{"healthy":true,"uptime":0,"checks":{}}"#);
}
