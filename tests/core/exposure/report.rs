//! The report, field by field (draft-inadarei-api-health-check-06, sections 3 and 4).
//!
//! The behaviour of the reference system's `health_check_result`, `health_response` and
//! `health_endpoints` tests (TU and T) is here and in `single`, `anonymous` and `policy`. Left out,
//! because the design differs:
//! - `alive()` without checks has no `time` for strangers: their answer does not change.
//! - Strangers get `{"status":…}` in place of an empty body.
//! - `notes` is an array, and the `output` of the root names the checks; so it is there too when a
//!   check fails without a text.
//! - `DateTime` values: a check gives what it read as text.
//! - The TTL is not the age of a cache that a request fills: requests run nothing. What "three
//!   calls, one run" is about is `exclude::no_query_runs_a_check`.
//!
//! TI (periodic recording in a database) is a different feature.

use std::time::Duration;

use serde_json::{Value, json};
use tower_health::{Check, Criticality, Details, HealthLayer, Probe, Status, indicator_fn};

use super::support::{Port, check, failing, keys, panics, passing, report};
use crate::support::prober::get;
use crate::support::{Dial, lapse, secs, settle, steady};

#[tokio::test(start_paused = true)]
async fn a_check_that_has_nothing_to_tell_tells_nothing() {
    let report = report(passing("db")).await;
    assert_eq!(keys(&report), ["checks", "status", "time"]);
    assert_eq!(keys(&report["checks"]["db"][0]), ["status", "time"]);
    assert_eq!(report["status"], "pass");
    assert_eq!(report["checks"]["db"][0]["status"], "pass");
}

#[tokio::test(start_paused = true)]
async fn a_service_without_checks_has_none_in_its_report() {
    let health = steady().start().unwrap();
    for path in ["/livez", "/readyz", "/startupz"] {
        let answer = Port::management(&health).get(path).await;
        assert_eq!(answer.code, 200);
        assert_eq!(keys(&answer.json()), ["status", "time"], "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_reported_at_the_check_and_at_the_root() {
    let health = steady()
        .readiness(failing("db", "refused"))
        .readiness(passing("queue"))
        .readiness(failing("search", "no route"))
        .readiness(failing("cache", "slow").criticality(Criticality::NonCritical))
        .start()
        .unwrap();
    settle().await;
    let answer = Port::management(&health).get("/readyz").await;
    assert_eq!(answer.code, 503);
    let report = answer.json();
    assert_eq!(report["status"], "fail");
    assert_eq!(
        report["output"],
        "db: refused; search: no route; cache: slow"
    );
    assert_eq!(
        report["notes"],
        json!(["db fails", "search fails", "cache warns"])
    );
    assert_eq!(report["checks"]["db"][0]["output"], "refused");
    assert_eq!(report["checks"]["cache"][0]["status"], "warn");
    assert_eq!(keys(&report["checks"]["queue"][0]), ["status", "time"]);
}

#[tokio::test(start_paused = true)]
async fn an_entry_tells_when_its_last_run_ended_if_it_has_run() {
    let health = steady()
        .gate("migrations")
        .startup(passing("schema"))
        .start()
        .unwrap();
    let times = || {
        let snapshot = health.snapshot();
        let entries = snapshot.report(Probe::Startup);
        let times = entries.entries().iter().map(|entry| entry.time());
        let run = snapshot.checks(Probe::Startup).next().unwrap().time();
        (times.collect::<Vec<_>>(), run)
    };
    assert_eq!(times(), (vec![None, None], None));
    settle().await;
    let (entries, run) = times();
    assert!(run.is_some());
    assert_eq!(entries, [None, run]);
}

#[tokio::test(start_paused = true)]
async fn a_failing_startup_check_is_reported_under_startup() {
    let health = steady().startup(failing("warmup", "cold")).start().unwrap();
    settle().await;
    let answer = Port::management(&health).get("/startupz").await;
    assert_eq!(answer.code, 503);
    let report = answer.json();
    assert_eq!(report["notes"], json!(["warmup fails"]));
    assert_eq!(report["output"], "warmup: cold");
    let ready = Port::management(&health).get("/readyz").await.json();
    assert_eq!(ready["output"], "startup has not completed");
    assert_eq!(ready.get("checks"), None);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_says_so() {
    let hanging = indicator_fn("db", || {
        std::future::pending::<Result<(), std::io::Error>>()
    });
    let health = steady()
        .readiness(Check::new(hanging).timeout(Duration::from_millis(100)))
        .start()
        .unwrap();
    lapse(secs(1)).await;
    let answer = Port::management(&health).get("/readyz").await;
    assert_eq!(answer.code, 503);
    assert_eq!(answer.json()["output"], "db: timed out after 100ms");
}

// M15, and what no peer tests: a throwing check beside one that hangs and one that passes.
#[tokio::test(start_paused = true)]
async fn one_check_that_panics_and_one_that_hangs_leave_the_others_alone() {
    let hanging = indicator_fn("hangs", || {
        std::future::pending::<Result<(), std::io::Error>>()
    });
    let panicking = indicator_fn("panics", || panics("index out of bounds".to_owned()));
    let health = steady()
        .timeout(Duration::from_secs(2))
        .readiness(panicking)
        .readiness(hanging)
        .readiness(passing("passes"))
        .start()
        .unwrap();
    settle().await;
    let port = Port::management(&health);
    let early = port.get("/readyz").await.json();
    assert_eq!(early["checks"]["passes"][0]["status"], "pass");
    assert_eq!(early["checks"]["hangs"][0]["output"], "not checked yet");
    lapse(secs(2)).await;
    let late = port.get("/readyz").await.json();
    assert_eq!(
        late["output"],
        "panics: panicked: index out of bounds; hangs: timed out after 2s"
    );
    assert_eq!(late["checks"]["passes"][0]["status"], "pass");
}

#[tokio::test(start_paused = true)]
async fn the_identity_of_the_service_stands_in_every_report() {
    let health = steady()
        .version("1")
        .release_id("1.4.0+77")
        .service_id("billing-7")
        .description("the billing service")
        .note("one")
        .note("two")
        .link("about", "https://example.org/about")
        .link(
            "https://example.org/rel/runbook",
            "https://example.org/runbook",
        )
        .start()
        .unwrap();
    for path in ["/livez", "/readyz", "/startupz"] {
        let report = Port::management(&health).get(path).await.json();
        assert_eq!(report["version"], "1");
        assert_eq!(report["releaseId"], "1.4.0+77");
        assert_eq!(report["serviceId"], "billing-7");
        assert_eq!(report["description"], "the billing service");
        assert_eq!(report["notes"], json!(["one", "two"]));
        assert_eq!(
            report["links"],
            json!({
                "about": "https://example.org/about",
                "https://example.org/rel/runbook": "https://example.org/runbook",
            })
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_too_early_to_count_is_a_note() {
    let db = Dial::pass();
    let check = db.check("db").failure_threshold(3).success_threshold(2);
    let health = steady().readiness(check).start().unwrap();
    settle().await;
    let port = Port::management(&health);
    db.turn(Err("refused".into()));
    // notes after each of three failures, then after each of two passes
    let expected = [
        json!(["db: failed 1 of 3 times: refused"]),
        json!(["db: failed 2 of 3 times: refused"]),
        json!(["db fails"]),
        json!(["db fails", "db: passed 1 of 2 times"]),
        Value::Null,
    ];
    for (round, notes) in expected.into_iter().enumerate() {
        if round == 3 {
            db.turn(Ok(().into()));
        }
        lapse(secs(1)).await;
        let report = port.get("/readyz").await.json();
        assert_eq!(report["notes"], notes, "round {round}");
    }
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_reported_with_its_sources() {
    let error = std::io::Error::other("connection refused");
    let error = Box::<dyn std::error::Error + Send + Sync>::from(Outer(error));
    let report = report(check("db", Err(error.into()))).await;
    assert_eq!(
        report["checks"]["db"][0]["output"],
        "cannot check out a connection: connection refused"
    );
}

#[derive(Debug)]
struct Outer(std::io::Error);

impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cannot check out a connection")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_is_written_in_code_as_over_http() {
    let health = steady()
        .version("1.4.0")
        .readiness(failing("db", "refused"))
        .readiness(passing("cache"))
        .start()
        .unwrap();
    settle().await;
    let layer = HealthLayer::builder(health.clone())
        .details(Details::always())
        .build()
        .unwrap();
    let snapshot = health.snapshot();
    for probe in Probe::ALL {
        let report = snapshot.report(*probe);
        let over_http = get(&layer, probe.default_path()).await.1;
        assert_eq!(report.to_json(), over_http);
        assert_eq!(serde_json::to_string(&report).unwrap(), over_http);
        let verbose = format!("{}?verbose", probe.default_path());
        assert_eq!(report.to_string(), get(&layer, &verbose).await.1);
    }
}
