//! The defaults, which documentation and manifests count on.

use std::time::Duration;

use tower_health::{CheckConfig, Criticality, HealthConfig, LayerConfig, Limits, Probe, Status};

use super::support::hanging;
use crate::support::{secs, steady};

#[test]
fn a_health_has_the_defaults_that_are_documented() {
    let config = HealthConfig::default();
    assert_eq!(config.ttl, secs(1));
    assert_eq!(config.timeout, secs(5));
    assert_eq!(config.slow_at, 0.5);
    assert_eq!(config.jitter, 0.1);
    assert_eq!(config.jitter_seed, None);
    assert_eq!(config.drain_delay, secs(5));
    assert_eq!(config.drain_cap, secs(20));
    assert_eq!(config.limits, Limits::default());
    let texts = [
        config.version,
        config.release_id,
        config.service_id,
        config.description,
        config.environment,
    ];
    assert_eq!(texts, [None, None, None, None, None]);
    assert!(config.notes.is_empty() && config.links.is_empty() && config.checks.is_empty());
    // What Kubernetes grants by default.
    assert!(config.drain_delay + config.drain_cap < secs(30));
}

#[test]
fn the_limits_have_the_defaults_that_are_documented() {
    let limits = Limits::default();
    assert_eq!((limits.excluded_names, limits.query_bytes), (256, 8 * 1024));
    let calls = (limits.pending_calls, limits.pending_calls_per_peer);
    assert_eq!(calls, (1_024, 64));
    assert_eq!(limits.read_timeout, secs(5));
    let watches = (limits.watches, limits.watches_per_peer);
    assert_eq!(watches, (16_384, 256));
    let services = (limits.services, limits.service_name_bytes);
    assert_eq!(services, (1_024, 256));
    assert_eq!((limits.transitions, limits.log_lines), (1_024, 1_024));
    let history = (limits.history_per_check, limits.history_bytes_per_check);
    assert_eq!(history, (64, 16 * 1024));
    let runs = (limits.samples_per_check, limits.minutes_per_check);
    assert_eq!(runs, (120, 90));
    assert_eq!((limits.readings_per_check, limits.text_bytes), (64, 4096));
    assert_eq!((limits.detached_runs, limits.lateness), (4, secs(60)));
}

#[test]
fn a_check_says_nothing_by_default() {
    let nothing: CheckConfig = toml::from_str("").unwrap();
    assert_eq!(nothing, CheckConfig::default());
    assert_eq!(nothing.criticality, None);
    assert_eq!(Criticality::default(), Criticality::Critical);
}

#[test]
fn a_layer_answers_at_the_usual_paths() {
    let config = LayerConfig::default();
    assert_eq!(config.prefix, "");
    assert_eq!(config.liveness, ["/livez"]);
    assert_eq!(config.readiness, ["/readyz"]);
    assert_eq!(config.startup, ["/startupz"]);
}

// timeout 5 s, threshold 1, critical
#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_has_failed_after_five_seconds() {
    let (check, _) = hanging("db");
    let health = steady().readiness(check).start().unwrap();
    tokio::time::sleep(Duration::from_millis(4_990)).await;
    let output = |health: &tower_health::Health| {
        let snapshot = health.snapshot();
        let check = snapshot.checks(Probe::Readiness).next().unwrap();
        check.output().unwrap().to_owned()
    };
    assert_eq!(output(&health), "not checked yet");
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(output(&health), "timed out after 5s");
    assert_eq!(health.status(Probe::Readiness), Status::Fail);
}
