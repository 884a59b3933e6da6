//! What a report says of one check: its readings, their time, and what it is a part of.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tower_health::{ComponentType, Health, Observation, ObservedValue, Probe};

use super::support::{Port, check, keys, passing, report};
use crate::support::{Dial, lapse, secs, settle, steady};

// M14: data attributes of every shape.
#[tokio::test(start_paused = true)]
async fn a_value_keeps_its_shape_and_its_unit() {
    let cases: [(ObservedValue, Value); 11] = [
        (42_u8.into(), json!(42)),
        ((-7_i64).into(), json!(-7)),
        (i64::MIN.into(), json!(i64::MIN)),
        (u64::MAX.into(), json!(i64::MAX)),
        (42.5_f64.into(), json!(42.5)),
        (1e300_f64.into(), json!(1e300)),
        (f64::NAN.into(), Value::Null),
        (f64::INFINITY.into(), Value::Null),
        (true.into(), json!(true)),
        ("text".into(), json!("text")),
        ("".into(), json!("")),
    ];
    for (value, expected) in cases {
        let name = format!("{value:?}");
        let seen = Observation::pass().value(value, "ms");
        let report = report(check("db:latency", Ok(seen))).await;
        let entry = &report["checks"]["db:latency"][0];
        assert_eq!(entry["observedValue"], expected, "{name}");
        assert_eq!(entry["observedUnit"], "ms", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_measurement_has_a_key_of_its_own() {
    let seen = Observation::pass()
        .value(12, "ms")
        .measurement("connections", 7, "")
        .measurement("utilization", 0.5, "percent");
    let report = report(check("db:responseTime", Ok(seen)).component_id("primary")).await;
    let checks = &report["checks"];
    assert_eq!(
        keys(checks),
        ["db:connections", "db:responseTime", "db:utilization"]
    );
    assert_eq!(checks["db:responseTime"][0]["observedValue"], 12);
    assert_eq!(checks["db:connections"][0]["observedValue"], 7);
    assert_eq!(checks["db:connections"][0].get("observedUnit"), None);
    for key in keys(checks) {
        assert_eq!(checks[key].as_array().unwrap().len(), 1);
        assert_eq!(checks[key][0]["componentId"], "primary", "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_whose_readings_all_go_by_other_names_still_has_its_own_key() {
    let seen = Observation::pass().measurement("connections", 7, "");
    let report = report(check("db", Ok(seen))).await;
    assert_eq!(keys(&report["checks"]), ["db", "db:connections"]);
    assert_eq!(keys(&report["checks"]["db"][0]), ["status", "time"]);
}

#[tokio::test(start_paused = true)]
async fn two_checks_under_one_key_are_two_entries() {
    let health = steady()
        .readiness(check(
            "db",
            Ok(Observation::pass().measurement("lag", 1, "s")),
        ))
        .readiness(check("db:lag", Ok(Observation::pass().value(2, "s"))))
        .start()
        .unwrap();
    settle().await;
    let report = Port::management(&health).get("/readyz").await.json();
    let lags = report["checks"]["db:lag"].as_array().unwrap();
    let values: Vec<_> = lags.iter().map(|lag| &lag["observedValue"]).collect();
    assert_eq!(values, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_component_has_a_type_and_an_id() {
    let cases = [
        (ComponentType::Component, "component"),
        (ComponentType::Datastore, "datastore"),
        (ComponentType::System, "system"),
        (ComponentType::Other("queue".into()), "queue"),
        (ComponentType::from("datastore".to_owned()), "datastore"),
    ];
    for (component_type, expected) in cases {
        let check = passing("db")
            .component_type(component_type)
            .component_id("primary-db");
        let report = report(check).await;
        assert_eq!(report["checks"]["db"][0]["componentType"], expected);
        assert_eq!(report["checks"]["db"][0]["componentId"], "primary-db");
    }
}

// The time of a check is that of its reading, which may be older than the report.
#[tokio::test(start_paused = true)]
async fn a_time_is_that_of_the_reading() {
    let health = steady()
        .readiness(passing("slow").ttl(Duration::from_secs(3600)))
        .readiness(passing("quick"))
        .start()
        .unwrap();
    settle().await;
    let time = |health: &Health, name: &str| {
        let snapshot = health.snapshot();
        let mut checks = snapshot.checks(Probe::Readiness);
        checks.find(|check| check.name() == name).unwrap().time()
    };
    let (slow, quick) = (time(&health, "slow"), time(&health, "quick"));
    let port = Port::management(&health);
    let before = port.get("/readyz").await.json();
    // The clock of the wall does not stand still with the paused one.
    while SystemTime::now() < quick.unwrap() + Duration::from_millis(2) {
        std::thread::yield_now();
    }
    lapse(secs(1)).await;
    assert_eq!(time(&health, "slow"), slow);
    assert_ne!(time(&health, "quick"), quick);
    let after = port.get("/readyz").await.json();
    assert_eq!(
        after["checks"]["slow"][0]["time"],
        before["checks"]["slow"][0]["time"]
    );
    assert_ne!(
        after["checks"]["quick"][0]["time"],
        before["checks"]["quick"][0]["time"]
    );
    assert_ne!(after["time"], before["time"]);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_never_ran_has_no_time() {
    let health = steady().readiness(passing("db")).start().unwrap();
    let report = Port::management(&health).get("/readyz").await.json();
    let entry = &report["checks"]["db"][0];
    assert_eq!(keys(entry), ["output", "status"]);
    assert_eq!(entry["output"], "not checked yet");
}

#[tokio::test(start_paused = true)]
async fn endpoints_are_affected_only_while_the_check_does_not_pass() {
    let db = Dial::pass();
    let check = db
        .check("db")
        .affected_endpoint("/orders/{id}")
        .affected_endpoint("/carts");
    let health = steady().readiness(check).start().unwrap();
    settle().await;
    let port = Port::management(&health);
    let entry = |report: Value| report["checks"]["db"][0].clone();
    assert_eq!(
        keys(&entry(port.get("/readyz").await.json())),
        ["status", "time"]
    );
    for result in [Ok(Observation::warn("slow")), Err("refused".into())] {
        db.turn(result);
        lapse(secs(1)).await;
        let entry = entry(port.get("/readyz").await.json());
        assert_eq!(
            entry["affectedEndpoints"],
            json!(["/orders/{id}", "/carts"])
        );
    }
}
