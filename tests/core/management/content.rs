//! What the routes say: the report, the history, and the facts.

use std::time::{Duration, SystemTime};

use http::Request;
use http_body_util::BodyExt;
use tower::ServiceExt;
use tower_health::management::Management;
use tower_health::{Health, Status};

use super::support::Port;
use crate::support::{Dial, eventually, steady, wait_until};

#[tokio::test]
async fn probes_show_details_and_single_checks() {
    let dial = Dial::pass();
    let health = steady().readiness(dial.check("db")).start().unwrap();
    health.await_ready().await.unwrap();
    let port = Port::of(&health);
    assert_eq!(
        port.get("/readyz").json()["checks"]["db"][0]["status"],
        "pass"
    );
    assert_eq!(
        port.get("/readyz").field("content-type"),
        Some("application/health+json")
    );
    let verbose = port.get("/readyz?verbose").body;
    assert!(verbose.contains("[+]db ok"), "{verbose}");
    assert_eq!(port.get("/readyz/db").json()["status"], "pass");
    dial.turn(Status::Fail);
    health.run_now("db").await.unwrap();
    let reply = port.get("/readyz/db");
    assert_eq!(
        (reply.code, reply.json()["output"].clone()),
        (503, "db: refused".into())
    );
}

#[tokio::test]
async fn the_facts_tell_what_runs_and_since_when() {
    let health = Health::builder()
        .version("2")
        .release_id("2.4.1")
        .service_id("orders")
        .environment("staging")
        .start()
        .unwrap();
    let port = Port::of(&health);
    let facts = port.get("/info").json();
    let expected = [
        ("version", "2"),
        ("releaseId", "2.4.1"),
        ("serviceId", "orders"),
        ("environment", "staging"),
        ("refresher", "running"),
    ];
    for (name, value) in expected {
        assert_eq!(facts[name], value, "{name}");
    }
    assert_eq!(facts["status"]["readiness"], "pass");
    assert_eq!(facts["draining"], false);
    assert!(facts["uptimeSeconds"].is_u64() && facts["latenessSeconds"].is_f64());
    health.drain();
    let facts = port.get("/info").json();
    assert_eq!(
        (&facts["draining"], &facts["status"]["readiness"]),
        (&true.into(), &"fail".into())
    );
    let names: Vec<_> = facts.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        names,
        [
            "draining",
            "environment",
            "latenessSeconds",
            "refresher",
            "releaseId",
            "serviceId",
            "started",
            "status",
            "time",
            "uptimeSeconds",
            "version",
            "worstLatenessSeconds",
        ],
        "and nothing else"
    );
}

#[tokio::test]
async fn the_history_has_transitions_of_all_and_runs_of_one() {
    let (db, cache) = (Dial::pass(), Dial::pass());
    let health = steady()
        .readiness(db.check("db"))
        .readiness(cache.check("cache"))
        .start()
        .unwrap();
    health.await_ready().await.unwrap();
    db.turn(Status::Fail);
    health.run_now("db").await.unwrap();
    let port = Port::of(&health);
    eventually("the failure in the history", async || {
        health
            .history()
            .iter()
            .any(|change| change.to == Status::Fail)
    })
    .await;

    let all = port.get("/history").json();
    let subjects: Vec<_> = all["transitions"].as_array().unwrap().iter().collect();
    let failed = subjects
        .iter()
        .find(|change| change["to"] == "fail")
        .unwrap();
    assert_eq!(
        (&failed["subject"], &failed["output"]),
        (&"readiness/db".into(), &"refused".into())
    );
    assert_eq!(
        (&failed["cause"], &failed["consecutiveFailures"]),
        (&"failed".into(), &1.into())
    );
    assert!(
        subjects
            .iter()
            .any(|change| change["subject"] == "readiness")
    );
    assert!(
        subjects
            .iter()
            .any(|change| change["subject"] == "readiness/cache")
    );
    assert_eq!(all["checks"]["readiness/db"]["consecutiveFailures"], 1);
    assert_eq!(
        all["checks"]["readiness/db"]["samples"],
        serde_json::Value::Null
    );

    for name in ["db", "readiness/db", "readiness%2Fdb"] {
        let one = port.get(&format!("/history?check={name}")).json();
        let changes = one["transitions"].as_array().unwrap();
        assert!(
            changes
                .iter()
                .all(|change| change["subject"] == "readiness/db"),
            "{name}"
        );
        let check = &one["checks"]["readiness/db"];
        let outcomes: Vec<_> = check["samples"].as_array().unwrap().iter().collect();
        assert_eq!(outcomes.last().unwrap()["outcome"], "fail", "{name}");
        assert_eq!(
            check["runs"],
            serde_json::json!({"pass": 1, "fail": 1}),
            "{name}"
        );
        let minutes = check["minutes"].as_array().unwrap();
        let fails = minutes
            .iter()
            .filter_map(|minute| minute["runs"]["fail"].as_u64());
        assert_eq!(fails.sum::<u64>(), 1, "{name}");
    }
    assert_eq!(port.get("/history?check=nothing").code, 404);
    assert_eq!(port.get("/history?since=yesterday").code, 400);

    let tomorrow = SystemTime::now() + Duration::from_secs(24 * 60 * 60);
    let tomorrow = humantime::format_rfc3339_seconds(tomorrow);
    let none = port
        .get(&format!("/history?since={tomorrow}&check=db"))
        .json();
    assert_eq!(none["transitions"], serde_json::json!([]));
    assert_eq!(
        none["checks"]["readiness/db"]["samples"],
        serde_json::json!([])
    );
    let recent = port.get("/history?since=1h").json();
    assert_eq!(recent["transitions"], all["transitions"]);
}

#[tokio::test(start_paused = true)]
async fn the_whole_history_is_made_once_a_second_unless_a_probe_changes() {
    let health = Health::fixed(Status::Pass);
    let service = Management::new(&health).service().unwrap();
    let get = async |target: &str| {
        // Each answer names the time of day to the millisecond.
        let before = SystemTime::now() + Duration::from_millis(2);
        wait_until("another millisecond", || SystemTime::now() > before);
        let request = Request::get(target).header("host", "localhost");
        let request = request.body(()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        response.into_body().collect().await.unwrap().to_bytes()
    };
    let first = get("/history").await;
    tokio::time::advance(Duration::from_millis(999)).await;
    assert_eq!(get("/history").await, first);
    assert_ne!(get("/history?since=1h").await, first);
    tokio::time::advance(Duration::from_millis(1)).await;
    let second = get("/history").await;
    assert_ne!(second, first);
    health.drain();
    assert_ne!(get("/history").await, second);
}
