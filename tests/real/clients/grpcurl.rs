//! grpcurl: what people type, and what scripts run in containers.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;
use tower_health::Status;

use super::process::{Teller, program, run};
use super::site::{ORDERS, Site};

/// grpcurl's exit code is 64 and the code of the call.
const NOT_FOUND: i32 = 64 + 5;
const UNAVAILABLE: i32 = 64 + 14;

fn grpcurl(site: &Site, method: &str, request: &Value) -> Command {
    let protocol = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/clients");
    let mut grpcurl = program("grpcurl");
    grpcurl
        .args(["-plaintext", "-emit-defaults", "-import-path", protocol])
        .args(["-proto", "health.proto", "-d", &request.to_string()])
        .arg(site.address.to_string())
        .arg(format!("grpc.health.v1.Health/{method}"));
    grpcurl
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn grpcurl_checks_each_name() {
    let site = Site::start().await;
    for (status, readiness) in [
        (Status::Pass, "SERVING"),
        (Status::Warn, "SERVING"),
        (Status::Fail, "NOT_SERVING"),
    ] {
        site.turn(status).await;
        for (service, told) in [
            ("", readiness),
            ("readiness", readiness),
            (ORDERS, readiness),
            ("liveness", "SERVING"),
            ("startup", "SERVING"),
        ] {
            let request = json!({ "service": service });
            let answer = run(&mut grpcurl(&site, "Check", &request)).await.success();
            let answer: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(answer, json!({ "status": told }), "{status}: {service}");
        }
    }
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn grpcurl_finds_no_unknown_service() {
    let site = Site::start().await;
    let request = json!({ "service": "nobody" });
    let ended = run(&mut grpcurl(&site, "Check", &request)).await;
    assert_eq!(ended.code, Some(NOT_FOUND), "{ended:?}");
    assert!(ended.stderr.contains("Code: NotFound"), "{ended:?}");
    assert!(
        ended.stderr.contains("Message: unknown service"),
        "{ended:?}"
    );
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn grpcurl_lists_the_names_that_it_may_see() {
    let serving = json!({ "status": "SERVING" });
    let standard = json!({
        "": serving, "liveness": serving, "readiness": serving, "startup": serving,
    });
    let mut all = standard.clone();
    all[ORDERS] = serving;
    for (name, site, statuses) in [
        ("public", Site::start().await, standard),
        ("listing", Site::listing().await, all),
    ] {
        let list = run(&mut grpcurl(&site, "List", &json!({}))).await.success();
        let list: Value = serde_json::from_str(&list).unwrap();
        assert_eq!(list, json!({ "statuses": statuses }), "{name}");
    }
}

#[tokio::test]
#[ignore = "needs real clients: run .ci/test"]
async fn grpcurl_watches_a_failure_and_a_drain() {
    let site = Site::leaving_after(Duration::from_secs(1)).await;
    let mut watch = Teller::start(&mut grpcurl(&site, "Watch", &json!({ "service": "" })));
    let mut told = Vec::new();
    told.push(watch.line_with("status").await);
    site.turn(Status::Fail).await;
    told.push(watch.line_with("status").await);
    site.turn(Status::Pass).await;
    told.push(watch.line_with("status").await);
    let server_ended = site.leave();
    told.push(watch.line_with("status").await);
    let line = |status: &str| format!(r#"  "status": "{status}""#);
    let expected = ["SERVING", "NOT_SERVING", "SERVING", "NOT_SERVING"];
    assert_eq!(told, expected.map(line));

    let ended = watch.ended().await;
    assert_eq!(ended.code, Some(UNAVAILABLE), "{ended:?}");
    assert!(!ended.stdout.contains("status"), "{ended:?}");
    assert!(
        ended.stderr.contains("the server is shutting down"),
        "{ended:?}"
    );
    server_ended.await;
}
