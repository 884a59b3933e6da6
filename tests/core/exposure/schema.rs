//! The report is valid JSON and valid draft-06 in every state that a service can be in.

use std::sync::LazyLock;

use jsonschema::Validator;
use proptest::prelude::*;
use tower_health::{Health, Probe};

use super::states::state;
use super::support::Port;

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(include_str!("health+json.schema.json")).unwrap();
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
});

async fn assert_valid(health: &Health) {
    let (public, management) = (Port::public(health), Port::management(health));
    for &probe in Probe::ALL {
        let path = probe.default_path();
        let answer = management.get(path).await;
        let report = answer.json();
        if let Err(error) = SCHEMA.validate(&report) {
            panic!("{probe}: {error} at {}", error.instance_path());
        }
        let code = if report["status"] == "fail" { 503 } else { 200 };
        assert_eq!(answer.code, code, "{probe}: {}", report["status"]);

        let stranger = public.get(path).await;
        assert!(stranger.is_public());
        assert_eq!(stranger.code, code, "{probe}");
        let told: serde_json::Value = serde_json::from_str(&stranger.body).unwrap();
        assert_eq!(told["status"], report["status"], "{probe}");

        assert_lines(
            health,
            probe,
            &management.get(&format!("{path}?verbose")).await.body,
        );
    }
}

/// One line for each entry, one for each thing that the process says, and one for the probe.
fn assert_lines(health: &Health, probe: Probe, text: &str) {
    let snapshot = health.snapshot();
    let report = snapshot.report(probe);
    let label = &probe.default_path()[1..];
    let own = format!("[-]{label} failed: ");
    let mut lines = text.lines().skip_while(|line| line.starts_with(&own));
    for entry in report.entries() {
        let line = lines.next().unwrap();
        let sign = if entry.status().is_healthy() {
            '+'
        } else {
            '-'
        };
        assert!(
            line.starts_with(&format!("[{sign}]{} ", entry.name())),
            "{line}"
        );
    }
    let word = if report.status().is_healthy() {
        "passed"
    } else {
        "failed"
    };
    assert_eq!(lines.next(), Some(&*format!("{label} check {word}")));
    assert_eq!(lines.next(), None);
}

proptest! {
    // A case that fails is printed; it belongs into a test with a name, not into a file of seeds.
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_state_gives_a_valid_report(state in state()) {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(async {
                let (health, _beating, _open) = state.build().await;
                assert_valid(&health).await;
            });
    }
}

#[test]
fn the_schema_refuses_what_is_not_a_report() {
    let time = "2026-01-14T10:30:00.000Z";
    let cases = [
        ("no status", serde_json::json!({ "time": time })),
        (
            "another status",
            serde_json::json!({ "status": "ok", "time": time }),
        ),
        (
            "an unknown field",
            serde_json::json!({ "status": "pass", "time": time, "x": 1 }),
        ),
        (
            "notes that are a text",
            serde_json::json!({ "status": "pass", "time": time, "notes": "x" }),
        ),
        (
            "output although it passes",
            serde_json::json!({ "status": "pass", "time": time, "output": "x" }),
        ),
        (
            "no output although it fails",
            serde_json::json!({ "status": "fail", "time": time }),
        ),
        (
            "a time that is none",
            serde_json::json!({ "status": "pass", "time": "now" }),
        ),
        (
            "a month that is none",
            serde_json::json!({ "status": "pass", "time": "2026-13-14T10:30:00.000Z" }),
        ),
        (
            "a check that is no array",
            serde_json::json!({
                "status": "pass", "time": time, "checks": { "db": { "status": "pass" } },
            }),
        ),
        (
            "two colons",
            serde_json::json!({
                "status": "pass", "time": time, "checks": { "a:b:c": [{ "status": "pass" }] },
            }),
        ),
        (
            "links of a check that are a list",
            serde_json::json!({
                "status": "pass", "time": time,
                "checks": { "db": [{ "status": "pass", "links": ["https://example.org"] }] },
            }),
        ),
        (
            "a unit of nothing",
            serde_json::json!({
                "status": "pass", "time": time,
                "checks": { "db": [{ "status": "pass", "observedUnit": "ms" }] },
            }),
        ),
    ];
    for (name, report) in cases {
        assert!(!SCHEMA.is_valid(&report), "{name}");
    }
    assert!(SCHEMA.is_valid(&serde_json::json!({ "status": "pass", "time": time })));
}
