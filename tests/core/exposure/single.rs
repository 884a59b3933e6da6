//! One check by its path, for those who may see it.

use std::time::Duration;

use http::Request;
use tower_health::{Check, Criticality, Health, HealthLayer, Observation, Probe};

use super::support::{Port, check, failing, passing};
use crate::support::prober::APPLICATION;
use crate::support::{Dial, lapse, secs, settle, steady};

async fn health() -> Health {
    let health = steady()
        .gate("migrations")
        .gate("warmup")
        .startup(passing("schema"))
        .readiness(passing("ping"))
        .readiness(failing("bad", "refused"))
        .readiness(failing("cache", "refused").criticality(Criticality::NonCritical))
        .readiness(check(
            "queue:lag",
            Ok(Observation::warn("slow").value(40, "s")),
        ))
        .start()
        .unwrap();
    health.gate("warmup").unwrap().complete();
    settle().await;
    health
}

#[tokio::test(start_paused = true)]
async fn each_check_gate_and_heartbeat_has_a_path() {
    let health = health().await;
    let _well = health
        .heartbeat("consumer", Duration::from_secs(60))
        .unwrap();
    drop(health.heartbeat("dead", Duration::from_secs(60)).unwrap());
    let port = Port::management(&health);
    let table = [
        ("/readyz/ping", 200, "pass"),
        ("/readyz/bad", 503, "fail"),
        ("/readyz/cache", 200, "warn"),
        ("/readyz/queue:lag", 200, "warn"),
        ("/readyz/queue%3Alag", 200, "warn"),
        ("/readyz/queue%3alag", 200, "warn"),
        ("/readyz/%70ing", 200, "pass"),
        ("/readyz/ping?x=y", 200, "pass"),
        // What is excluded from a list of one?
        ("/readyz/bad?exclude=bad", 503, "fail"),
        ("/startupz/schema", 200, "pass"),
        ("/startupz/migrations", 503, "fail"),
        ("/startupz/warmup", 200, "pass"),
        ("/livez/consumer", 200, "pass"),
        ("/livez/dead", 503, "fail"),
    ];
    for (path, code, status) in table {
        let answer = port.get(path).await;
        assert_eq!(answer.code, code, "{path}");
        let report = answer.json();
        assert_eq!(report["status"], status, "{path}");
        assert_eq!(report["checks"].as_object().unwrap().len(), 1, "{path}");
    }
}

// The application may have routes of its own there.
#[tokio::test(start_paused = true)]
async fn an_unknown_name_belongs_to_the_application() {
    let health = health().await;
    let port = Port::management(&health);
    for path in [
        "/readyz/nothing",
        "/readyz/nothing?verbose",
        "/readyz/PING",
        "/readyz/queue",
        "/readyz/lag",
        "/readyz/ping%20",
        "/readyz/%ff",
        "/readyz/%2e%2e",
        // Names of the other probes.
        "/readyz/migrations",
        "/readyz/schema",
        "/livez/ping",
        "/startupz/ping",
    ] {
        for method in ["GET", "HEAD", "OPTIONS", "POST"] {
            let answer = port.send(Request::builder().method(method).uri(path)).await;
            let seen = (answer.code, &*answer.body);
            assert_eq!(seen, (200, APPLICATION), "{method} {path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_path_belongs_to_a_check_from_its_registration_until_its_removal() {
    let health = health().await;
    let port = Port::management(&health);
    assert_eq!(port.get("/readyz/late").await.body, APPLICATION);
    health.add_readiness(passing("late")).await.unwrap();
    settle().await;
    assert_eq!(port.get("/readyz/late").await.json()["status"], "pass");
    health.remove_readiness("late").await.unwrap();
    assert_eq!(port.get("/readyz/late").await.body, APPLICATION);
}

#[tokio::test(start_paused = true)]
async fn other_paths_below_a_probe_belong_to_the_application() {
    let health = health().await;
    let port = Port::management(&health);
    for path in [
        "/readyz/",
        "/readyz/ping/",
        "/readyz/ping/x",
        "//readyz/ping",
        "/x/readyz/ping",
    ] {
        assert_eq!(port.get(path).await.body, APPLICATION, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn methods_mean_the_same_as_on_the_probe_itself() {
    let health = health().await;
    let port = Port::management(&health);
    let get = port.get("/readyz/bad").await;
    let send = |method: &str| Request::builder().method(method).uri("/readyz/bad");
    let head = port.send(send("HEAD")).await;
    assert_eq!((head.code, &*head.body), (503, ""));
    assert_eq!(head.headers, get.headers);
    let options = port.send(send("OPTIONS")).await;
    assert_eq!((options.code, &*options.body), (503, ""));
    let post = port.send(send("POST")).await;
    assert_eq!((post.code, &*post.body), (405, ""));
    for answer in [options, post] {
        assert_eq!(answer.headers["allow"], "GET, HEAD, OPTIONS");
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_check_tells_of_itself_only() {
    let port = Port::management(&health().await);
    let report = port.get("/readyz/bad").await.json();
    assert_eq!(report["output"], "bad: refused");
    assert_eq!(report["notes"], serde_json::json!(["bad fails"]));
    assert_eq!(report["checks"]["bad"][0]["output"], "refused");

    let report = port.get("/readyz/ping").await.json();
    assert_eq!(report.get("output"), None);
    assert_eq!(report.get("notes"), None);
}

// What the process says of itself (startup, drain) is not the check's.
#[tokio::test(start_paused = true)]
async fn a_single_check_is_judged_by_itself() {
    let health = health().await;
    health.drain();
    settle().await;
    let port = Port::management(&health);
    assert_eq!(port.get("/readyz").await.code, 503);
    assert_eq!(port.get("/readyz/ping").await.code, 200);
}

#[tokio::test(start_paused = true)]
async fn a_stale_check_fails_at_its_path_too() {
    let check: Check = passing("db").while_probed(Duration::from_secs(1));
    let health = steady().readiness(check).start().unwrap();
    settle().await;
    let port = Port::management(&health);
    assert_eq!(port.get("/readyz/db").await.code, 200);
    lapse(secs(600)).await;
    let answer = port.get("/readyz/db").await;
    assert_eq!(answer.code, 503);
    let output = answer.json()["output"].as_str().unwrap().to_owned();
    assert!(
        output.starts_with("db: stale: the last run ended "),
        "{output}"
    );
}

#[tokio::test(start_paused = true)]
async fn asking_for_a_check_does_not_run_it() {
    let db = Dial::pass();
    let health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    let port = Port::management(&health);
    for _ in 0..100 {
        port.get("/readyz/db").await;
        port.get("/readyz?verbose").await;
    }
    assert_eq!(db.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn aliases_and_prefixes_have_checks_below_them() {
    let health = health().await;
    let layer = HealthLayer::builder(health)
        .prefix("/internal")
        .alias("/health", Probe::Readiness)
        .details(tower_health::Details::always())
        .build()
        .unwrap();
    let port = Port::of(layer);
    assert_eq!(port.get("/internal/readyz/bad").await.code, 503);
    assert_eq!(port.get("/internal/health/bad").await.code, 503);
    assert_eq!(port.get("/readyz/bad").await.body, APPLICATION);
}
