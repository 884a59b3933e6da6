//! Settings from a file: any text as TOML and as JSON, and whatever it means to a service.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tower_health::{
    CheckConfig, Criticality, Health, HealthConfig, HealthLayer, LayerConfig, Observation, Status,
};

use crate::app::{APP, check, finish};

pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let _ = serde_json::from_str::<HealthConfig>(&text);
    let _ = serde_json::from_str::<CheckConfig>(&text);
    let _ = serde_json::from_str::<LayerConfig>(&text);

    if let Some(config) = settings::<HealthConfig>(&text) {
        start(config);
    }
    if let Some(config) = settings::<LayerConfig>(&text) {
        let layer = HealthLayer::builder(Health::fixed(Status::Pass)).config(config);
        if let Err(error) = layer.build() {
            assert!(error.is_path(), "{error}");
            assert!(error.to_string().contains("path"), "{error}");
        }
    }
}

/// Reads settings in each way that must mean the same.
fn settings<T: DeserializeOwned + PartialEq + std::fmt::Debug>(text: &str) -> Option<T> {
    let table: toml::Table = toml::from_str(text).ok()?;
    let read = toml::from_str::<T>(text);
    let config = match (read, T::deserialize(toml::Value::Table(table.clone()))) {
        (Ok(one), Ok(other)) => {
            // NaN is not equal to itself.
            assert!(one == other || text.contains("nan"), "{one:?} {other:?}");
            one
        }
        (Err(_), Err(error)) => {
            let error = error.to_string();
            assert!(
                keys(&table).iter().any(|key| error.contains(*key)),
                "the error names no setting: {error}"
            );
            return None;
        }
        (one, other) => panic!("{one:?} {other:?}"),
    };
    let json = serde_json::to_value(&table).expect("JSON");
    // JSON has no date and no infinite number.
    if has_none(&json) || text.contains("$__toml_private") || text.contains("nan") {
        return Some(config);
    }
    let same = T::deserialize(&json).expect("the same settings as JSON");
    assert_eq!(config, same);
    // An environment variable is always a text.
    let same = T::deserialize(&texts(json)).expect("the same settings as texts");
    assert_eq!(config, same);
    Some(config)
}

/// Returns the names of the settings, at any depth.
fn keys(table: &toml::Table) -> Vec<&str> {
    let mut keys: Vec<&str> = table.keys().map(String::as_str).collect();
    for value in table.values() {
        if let toml::Value::Table(table) = value {
            keys.extend(self::keys(table));
        }
    }
    keys
}

fn has_none(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_none),
        Value::Object(entries) => {
            entries.contains_key("$__toml_private_datetime") || entries.values().any(has_none)
        }
        _ => false,
    }
}

/// Writes each integer as a text.
fn texts(value: Value) -> Value {
    match value {
        Value::Number(number) if !number.is_f64() => number.to_string().into(),
        Value::Array(items) => items.into_iter().map(texts).collect(),
        Value::Object(entries) => {
            let entries = entries.into_iter().map(|(key, value)| (key, texts(value)));
            Value::Object(entries.collect())
        }
        other => other,
    }
}

/// Starts a service with these settings, or gets an error that names what is wrong with them.
fn start(config: HealthConfig) {
    let names: Vec<_> = config.checks.keys().cloned().collect();
    finish(&APP.runtime, "a start", async move {
        let result = Ok(Observation::pass());
        let builder =
            Health::builder()
                .config(config)
                .readiness(check("db", Criticality::Critical, result));
        match builder.start() {
            Ok(health) => {
                // The first run, and some more if the interval is that short.
                tokio::time::sleep(Duration::from_millis(5)).await;
                assert_eq!(health.status(tower_health::Probe::Liveness), Status::Pass);
            }
            Err(error) => {
                let error = error.to_string();
                let known = [
                    "ttl",
                    "timeout",
                    "slow_at",
                    "jitter",
                    "drain",
                    "stale_after",
                    "while_probed",
                    "threshold",
                ];
                let names_one = known.iter().any(|option| error.contains(option))
                    || names
                        .iter()
                        .any(|name| error.contains(&format!("{name:?}")));
                assert!(names_one, "the error names no setting: {error}");
            }
        }
        // The refresher ends with its health.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
    });
}
