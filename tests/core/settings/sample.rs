//! A settings file that sets everything, in TOML and in YAML, field by field.

use std::collections::BTreeMap;

use http::Request;
use serde::de::DeserializeOwned;
use tower_health::{
    CheckConfig, ComponentType, Criticality, Health, HealthConfig, HealthLayer, LayerConfig,
    Limits, OnTimeout,
};

use super::support::{Settings, from_toml, from_yaml, health_config, ok};
use crate::support::{millis, secs};

const TOML: &str = include_str!("sample.toml");
const YAML: &str = include_str!("sample.yaml");

fn samples() -> [(&'static str, Settings); 2] {
    [
        ("TOML", from_toml(TOML).unwrap()),
        ("YAML", from_yaml(YAML).unwrap()),
    ]
}

#[test]
fn every_setting_of_a_health_is_read() {
    for (format, settings) in samples() {
        let health = settings.health;
        assert_eq!(health.ttl, secs(2), "{format}");
        assert_eq!(health.timeout, millis(500), "{format}");
        assert_eq!(health.slow_at, 0.75, "{format}");
        assert_eq!(health.jitter, 0.25, "{format}");
        assert_eq!(health.jitter_seed, Some(42), "{format}");
        assert_eq!(health.drain_delay, secs(65), "{format}");
        assert_eq!(health.drain_cap, secs(90), "{format}");
        assert_eq!(health.version.as_deref(), Some("1"), "{format}");
        assert_eq!(health.release_id.as_deref(), Some("1.4.0+77"), "{format}");
        assert_eq!(health.service_id.as_deref(), Some("billing-7"), "{format}");
        let description = health.description.as_deref();
        assert_eq!(description, Some("the billing service"), "{format}");
        let environment = health.environment.as_deref();
        assert_eq!(environment, Some("production"), "{format}");
        assert_eq!(health.notes, ["one replica", "no backups"], "{format}");
        let links = [
            ("about", "https://example.org/about"),
            (
                "https://example.org/rel/runbook",
                "https://example.org/runbook",
            ),
        ];
        let links: BTreeMap<_, _> = links
            .map(|(relation, uri)| (relation.to_owned(), uri.to_owned()))
            .into();
        assert_eq!(health.links, links, "{format}");
        let names: Vec<_> = health.checks.keys().collect();
        assert_eq!(names, ["cache:latency", "db"], "{format}");
    }
}

#[test]
fn every_limit_is_read() {
    for (format, settings) in samples() {
        let limits = settings.health.limits;
        assert_eq!(limits.excluded_names, 10, "{format}");
        assert_eq!(limits.query_bytes, 1000, "{format}");
        assert_eq!(limits.pending_calls, 20, "{format}");
        assert_eq!(limits.pending_calls_per_peer, 5, "{format}");
        assert_eq!(limits.read_timeout, secs(2), "{format}");
        assert_eq!(limits.watches, 100, "{format}");
        assert_eq!(limits.watches_per_peer, 50, "{format}");
        assert_eq!(limits.services, 30, "{format}");
        assert_eq!(limits.service_name_bytes, 128, "{format}");
        assert_eq!(limits.transitions, 200, "{format}");
        assert_eq!(limits.log_lines, 300, "{format}");
        assert_eq!(limits.history_per_check, 8, "{format}");
        assert_eq!(limits.history_bytes_per_check, 2000, "{format}");
        assert_eq!(limits.samples_per_check, 60, "{format}");
        assert_eq!(limits.minutes_per_check, 30, "{format}");
        assert_eq!(limits.readings_per_check, 16, "{format}");
        assert_eq!(limits.text_bytes, 1024, "{format}");
        assert_eq!(limits.detached_runs, 2, "{format}");
        assert_eq!(limits.lateness, secs(30), "{format}");
    }
}

#[test]
fn every_setting_of_a_check_is_read() {
    for (format, settings) in samples() {
        let db = &settings.health.checks["db"];
        assert_eq!(db.timeout, Some(millis(250)), "{format}");
        assert_eq!(db.slow_at, Some(0.25), "{format}");
        assert_eq!(db.ttl, Some(secs(5)), "{format}");
        assert_eq!(db.failing_ttl, Some(secs(1)), "{format}");
        assert_eq!(db.suspect_ttl, Some(millis(100)), "{format}");
        assert_eq!(db.stale_after, Some(secs(60)), "{format}");
        assert_eq!(db.criticality, Some(Criticality::Critical), "{format}");
        assert_eq!(db.failure_threshold, Some(3), "{format}");
        assert_eq!(db.success_threshold, Some(2), "{format}");
        assert_eq!(db.while_probed, Some(secs(90)), "{format}");
        assert_eq!(db.on_timeout, Some(OnTimeout::Detach), "{format}");
        assert_eq!(db.component_id.as_deref(), Some("primary-db"), "{format}");
        assert_eq!(
            db.component_type,
            Some(ComponentType::Datastore),
            "{format}"
        );
        let endpoints = ["/orders/{id}", "/carts"].map(str::to_owned).to_vec();
        assert_eq!(db.affected_endpoints, Some(endpoints), "{format}");
        let runbook = ("runbook", "https://example.org/runbooks/db");
        let links = BTreeMap::from([runbook].map(|(relation, uri)| (relation.into(), uri.into())));
        assert_eq!(db.links, Some(links), "{format}");

        // What is not there is left to the next in line.
        let mut cache = CheckConfig::default();
        cache.criticality = Some(Criticality::NonCritical);
        cache.component_type = Some(ComponentType::Other("queue".into()));
        assert_eq!(settings.health.checks["cache:latency"], cache, "{format}");
    }
}

#[test]
fn every_setting_of_a_layer_is_read() {
    for (format, settings) in samples() {
        let layer = settings.layer;
        assert_eq!(layer.prefix, "/internal", "{format}");
        assert_eq!(layer.liveness, ["/livez", "/healthz"], "{format}");
        assert_eq!(layer.readiness, ["/readyz", "/ready"], "{format}");
        assert_eq!(layer.startup, ["/started"], "{format}");
    }
}

#[test]
fn both_samples_say_the_same() {
    let [(_, toml), (_, yaml)] = samples();
    assert_eq!(toml, yaml);
}

#[test]
fn an_empty_file_means_the_defaults() {
    for settings in [
        from_toml("").unwrap(),
        from_toml("[health]\n[layer]").unwrap(),
    ] {
        assert_eq!(settings, Settings::default());
    }
    let settings = from_yaml("health: {}\nlayer: {}").unwrap();
    assert_eq!(settings, Settings::default());
}

/// The keys that a section may have, which is what its error lists for an unknown one.
fn keys_of(section: &str) -> Vec<String> {
    let error = from_toml(&format!("[{section}]\nunheard_of = 1")).unwrap_err();
    let (_, expected) = error.split_once("expected one of ").unwrap();
    let line = expected.lines().next().unwrap();
    line.split(", ")
        .map(|key| key.trim_matches('`').to_owned())
        .collect()
}

// So that a setting that is added later has to be added to the samples.
#[test]
fn the_samples_leave_no_setting_out() {
    let sample: toml::Table = toml::from_str(TOML).unwrap();
    let health = &sample["health"];
    let tables = [
        ("health", health),
        ("health.limits", &health["limits"]),
        ("health.checks.db", &health["checks"]["db"]),
        ("layer", &sample["layer"]),
    ];
    for (section, table) in tables {
        let mut known = keys_of(section);
        known.sort();
        let mut set: Vec<_> = table.as_table().unwrap().keys().cloned().collect();
        set.sort();
        assert_eq!(set, known, "{section}");
    }
}

// A sample that sets a default would not show whether it was read.
#[test]
fn no_setting_of_the_samples_is_its_default() {
    fn assert_differ<T: Default + PartialEq + DeserializeOwned>(table: &toml::Table) {
        for (key, value) in table {
            let alone = toml::Table::from_iter([(key.clone(), value.clone())]);
            let config: T = alone.try_into().unwrap();
            assert!(config != T::default(), "{key}");
        }
    }
    let sample: toml::Table = toml::from_str(TOML).unwrap();
    let health = sample["health"].as_table().unwrap();
    assert_differ::<HealthConfig>(health);
    assert_differ::<Limits>(health["limits"].as_table().unwrap());
    assert_differ::<CheckConfig>(health["checks"]["db"].as_table().unwrap());
    assert_differ::<LayerConfig>(sample["layer"].as_table().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_service_starts_with_the_samples() {
    for (format, settings) in samples() {
        let health = Health::builder()
            .config(settings.health)
            .readiness(ok("db"))
            .readiness(ok("cache:latency"))
            .start()
            .unwrap();
        health.await_ready().await.unwrap();
        let layer = HealthLayer::builder(health).config(settings.layer);
        let layer = layer.build().unwrap();
        for (path, expected) in [
            ("/internal/healthz", true),
            ("/internal/ready", true),
            ("/internal/started", true),
            ("/internal/startupz", false),
            ("/ready", false),
        ] {
            let request = Request::get(path).body(()).unwrap();
            assert_eq!(layer.is_probe(&request), expected, "{format}: {path}");
        }
    }
}

#[test]
fn each_component_type_of_the_draft_is_known_by_its_term() {
    for (term, kind) in [
        ("component", ComponentType::Component),
        ("datastore", ComponentType::Datastore),
        ("system", ComponentType::System),
        ("queue", ComponentType::Other("queue".into())),
    ] {
        let config = health_config(&format!("[checks.db]\ncomponent_type = '{term}'"));
        assert_eq!(config.checks["db"].component_type.as_ref(), Some(&kind));
        assert_eq!(kind.to_string(), term);
    }
}
