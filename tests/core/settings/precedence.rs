//! Who wins: the settings file's entry for a check, the check, its indicator, the health.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};
use tower_health::{
    Check, CheckResult, ComponentType, Criticality, Details, Health, HealthConfig, HealthIndicator,
    HealthLayer, Observation, Probe, Status,
};

use super::support::health_config;
use crate::support::secs;

/// An indicator with opinions of its own, or none.
#[derive(Clone, Default)]
struct Own {
    timeout: Option<Duration>,
    ttl: Option<Duration>,
    criticality: Criticality,
    component_type: Option<ComponentType>,
    component_id: Option<String>,
    hangs: bool,
    /// `Some` for one that fails after so many runs.
    fails_after: Option<usize>,
    runs: Arc<AtomicUsize>,
}

impl HealthIndicator for Own {
    fn name(&self) -> &str {
        "db"
    }

    async fn check(&self) -> CheckResult {
        let before = self.runs.fetch_add(1, Ordering::Relaxed);
        if self.hangs {
            pending::<()>().await;
        }
        if self.fails_after.is_some_and(|runs| before >= runs) {
            return Err("refused".into());
        }
        Ok(Observation::pass())
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    fn criticality(&self) -> Criticality {
        self.criticality
    }

    fn component_type(&self) -> Option<ComponentType> {
        self.component_type.clone()
    }

    fn component_id(&self) -> Option<String> {
        self.component_id.clone()
    }
}

fn start(config: HealthConfig, check: Check) -> Health {
    let builder = Health::builder().config(config).jitter(0.0);
    builder.readiness(check).start().unwrap()
}

/// The settings that speak in a case: those of the file's entry, the check, the indicator, and the
/// health, from the highest to the lowest.
fn config(health: &str, entry: Option<&str>) -> HealthConfig {
    let entry = entry.map_or(String::new(), |line| format!("\n[checks.db]\n{line}"));
    health_config(&format!("{health}{entry}"))
}

#[tokio::test(start_paused = true)]
async fn the_timeout_is_that_of_the_first_who_says_one() {
    // file, check, indicator -> timeout; the health says 40 s
    let table = [
        (Some("timeout = '10s'"), Some(20), Some(30), 10),
        (None, Some(20), Some(30), 20),
        (None, None, Some(30), 30),
        (None, None, None, 40),
        (Some("timeout = '10s'"), None, None, 10),
        (Some("ttl = '9s'"), Some(20), Some(30), 20),
    ];
    for (file, check, own, expected) in table {
        let own = Own {
            timeout: own.map(secs),
            hangs: true,
            ..Own::default()
        };
        let mut registered = Check::new(own);
        if let Some(timeout) = check {
            registered = registered.timeout(secs(timeout));
        }
        let health = start(config("timeout = '40s'", file), registered);
        tokio::time::sleep(secs(60)).await;
        let snapshot = health.snapshot();
        let check = snapshot.checks(Probe::Readiness).next().unwrap();
        assert_eq!(
            check.output(),
            Some(&*format!("timed out after {expected}s"))
        );
        assert_eq!(check.duration(), Some(secs(expected)));
    }
}

#[tokio::test(start_paused = true)]
async fn the_ttl_is_that_of_the_first_who_says_one() {
    // file, check, indicator -> runs in a little more than 120 s; the health says 40 s
    let table = [
        (Some("ttl = '10s'"), Some(20), Some(30), 13),
        (None, Some(20), Some(30), 7),
        (None, None, Some(30), 5),
        (None, None, None, 4),
        (Some("ttl = '10s'"), None, None, 13),
        (Some("timeout = '9s'"), Some(20), Some(30), 7),
    ];
    for (file, check, own, expected) in table {
        let own = Own {
            ttl: own.map(secs),
            ..Own::default()
        };
        let runs = Arc::clone(&own.runs);
        let mut registered = Check::new(own);
        if let Some(ttl) = check {
            registered = registered.ttl(secs(ttl));
        }
        let _health = start(config("ttl = '40s'", file), registered);
        tokio::time::sleep(secs(121)).await;
        assert_eq!(runs.load(Ordering::Relaxed), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn criticality_is_that_of_the_first_who_says_one() {
    use Criticality::{Critical, NonCritical};

    let table = [
        (
            Some("criticality = 'critical'"),
            Some(NonCritical),
            NonCritical,
            Critical,
        ),
        (
            Some("criticality = 'non_critical'"),
            Some(Critical),
            Critical,
            NonCritical,
        ),
        (None, Some(Critical), NonCritical, Critical),
        (None, Some(NonCritical), Critical, NonCritical),
        (None, None, NonCritical, NonCritical),
        (None, None, Critical, Critical),
    ];
    for (file, check, own, expected) in table {
        let own = Own {
            criticality: own,
            ..Own::default()
        };
        let mut registered = Check::new(own);
        if let Some(criticality) = check {
            registered = registered.criticality(criticality);
        }
        let health = start(config("", file), registered);
        let snapshot = health.snapshot();
        let check = snapshot.checks(Probe::Readiness).next().unwrap();
        assert_eq!(check.criticality(), expected);
        // And it is in force: before its first result the check counts as failed.
        let status = match expected {
            Critical => Status::Fail,
            _ => Status::Warn,
        };
        assert_eq!(health.status(Probe::Readiness), status);
    }
}

#[tokio::test(start_paused = true)]
async fn the_labels_are_those_of_the_first_who_says_some() {
    // file, check, indicator -> componentId and componentType
    let table = [
        (Some("f"), Some("c"), Some("i"), Some("f")),
        (None, Some("c"), Some("i"), Some("c")),
        (None, None, Some("i"), Some("i")),
        (None, None, None, None),
    ];
    for (file, check, own, expected) in table {
        let kind = |label: &str| ComponentType::Other(label.to_owned().into());
        let own = Own {
            component_id: own.map(str::to_owned),
            component_type: own.map(kind),
            ..Own::default()
        };
        let mut registered = Check::new(own);
        if let Some(label) = check {
            registered = registered.component_id(label).component_type(kind(label));
        }
        let file =
            file.map(|label| format!("component_id = '{label}'\ncomponent_type = '{label}'"));
        let health = start(config("", file.as_deref()), registered);
        let entry = reported(&health).await;
        assert_eq!(
            entry.get("componentId").map(|v| v.as_str().unwrap()),
            expected
        );
        assert_eq!(
            entry.get("componentType").map(|v| v.as_str().unwrap()),
            expected
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_replaces_the_endpoints_and_the_links_of_the_code() {
    let check = Check::new(Own::default())
        .affected_endpoint("/code")
        .link("code", "https://code");
    let file = "affected_endpoints = ['/file']\nlinks = { file = 'https://file' }";
    let entry = reported(&start(config("", Some(file)), check)).await;
    assert_eq!(entry["affectedEndpoints"], serde_json::json!(["/file"]));
    assert_eq!(
        entry["links"],
        serde_json::json!({ "file": "https://file" })
    );
}

// An indicator has no say in these.
#[tokio::test(start_paused = true)]
async fn thresholds_are_those_of_the_file_then_those_of_the_check() {
    // file, check -> failures in a row until readiness fails
    let table = [
        (Some("failure_threshold = 3"), Some(2), 3),
        (Some("success_threshold = 3"), Some(2), 2),
        (None, Some(2), 2),
        (None, None, 1),
    ];
    for (file, check, expected) in table {
        let own = Own {
            fails_after: Some(1),
            ..Own::default()
        };
        let runs = Arc::clone(&own.runs);
        let mut registered = Check::new(own);
        if let Some(failures) = check {
            registered = registered.failure_threshold(failures);
        }
        let health = start(config("", file), registered);
        health.await_ready().await.unwrap();
        let mut transitions = health.subscribe();
        assert_eq!(transitions.next().await.unwrap().to, Status::Fail);
        assert_eq!(runs.load(Ordering::Relaxed), 1 + expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_of_the_file_counts_for_the_name_in_every_probe() {
    let check = || Check::new(Own::default());
    let health = Health::builder()
        .config(health_config("[checks.db]\ncriticality = 'non_critical'"))
        .readiness(check())
        .startup(check())
        .start()
        .unwrap();
    let snapshot = health.snapshot();
    for probe in [Probe::Readiness, Probe::Startup] {
        let check = snapshot.checks(probe).next().unwrap();
        assert_eq!(check.criticality(), Criticality::NonCritical, "{probe}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_of_the_file_counts_for_a_check_that_is_only_added_later() {
    for probe in [Probe::Readiness, Probe::Startup] {
        let health = Health::builder()
            .config(health_config("[checks.db]\ncriticality = 'non_critical'"))
            .allow_config_for("db")
            .gate("migrations")
            .start()
            .unwrap();
        let check = Check::new(Own::default());
        match probe {
            Probe::Startup => health.add_startup(check).await.unwrap(),
            _ => health.add_readiness(check).await.unwrap(),
        }
        let snapshot = health.snapshot();
        let check = snapshot.checks(probe).next().unwrap();
        assert_eq!(check.criticality(), Criticality::NonCritical, "{probe}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_an_entry_for_a_check_that_is_added_later_is_reported_then() {
    let health = Health::builder()
        .config(health_config("[checks.db]\nttl = 0"))
        .allow_config_for("db")
        .start()
        .unwrap();
    let error = health.add_readiness(Own::default()).await.unwrap_err();
    assert_eq!(error.to_string(), r#""db": ttl must not be zero"#);
}

#[tokio::test(start_paused = true)]
async fn an_entry_of_the_file_counts_for_a_check_that_is_added_again() {
    let entry = "[checks.db]\ncriticality = 'non_critical'";
    let health = start(health_config(entry), Check::new(Own::default()));
    health.remove_readiness("db").await.unwrap();
    health.add_readiness(Own::default()).await.unwrap();
    let snapshot = health.snapshot();
    let check = snapshot.checks(Probe::Readiness).next().unwrap();
    assert_eq!(check.criticality(), Criticality::NonCritical);
}

/// The entry of the check in a report, before it has run.
async fn reported(health: &Health) -> serde_json::Value {
    let layer = HealthLayer::builder(health.clone())
        .details(Details::always())
        .build()
        .unwrap();
    let app = service_fn(|_: Request<String>| async {
        Ok::<_, Infallible>(Response::new(String::from("the application")))
    });
    let request = Request::get("/readyz").body(String::new()).unwrap();
    let response = layer.layer(app).oneshot(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let report: serde_json::Value = serde_json::from_slice(&body).unwrap();
    report["checks"]["db"][0].clone()
}
