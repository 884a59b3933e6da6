//! Settings as a service reads them, and checks.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use tower_health::{BuildError, Check, HealthBuilder, HealthConfig, LayerConfig, indicator_fn};

/// The settings file of a service, with a section for its health and one for the layer.
#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) health: HealthConfig,
    pub(crate) layer: LayerConfig,
}

pub(crate) fn from_toml(text: &str) -> Result<Settings, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}

pub(crate) fn from_yaml(text: &str) -> Result<Settings, String> {
    serde_norway::from_str(text).map_err(|error| error.to_string())
}

/// Settings of which only what is written here differs from the default.
pub(crate) fn health_config(toml: &str) -> HealthConfig {
    toml::from_str(toml).unwrap()
}

/// A check that passes.
pub(crate) fn ok(name: &str) -> Check {
    Check::new(indicator_fn(name, || async { Ok::<_, String>(()) }))
}

/// A check that never comes back, and how often it was started.
pub(crate) fn hanging(name: &str) -> (Check, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let indicator = indicator_fn(name, move || {
        counter.fetch_add(1, Ordering::Relaxed);
        pending::<Result<(), String>>()
    });
    (Check::new(indicator), runs)
}

/// Why this health cannot be built. Needs a runtime, so that its lack is no problem.
pub(crate) fn error(builder: HealthBuilder) -> BuildError {
    builder.start().expect_err("it should not start")
}

/// Whether each predicate holds, in the order name, unknown, path, option, runtime, too late.
pub(crate) fn kinds(error: &BuildError) -> [bool; 6] {
    [
        error.is_name(),
        error.is_unknown(),
        error.is_path(),
        error.is_option(),
        error.is_runtime(),
        error.is_too_late(),
    ]
}

pub(crate) const NAME: [bool; 6] = [true, false, false, false, false, false];
pub(crate) const UNKNOWN: [bool; 6] = [false, true, false, false, false, false];
pub(crate) const PATH: [bool; 6] = [false, false, true, false, false, false];
pub(crate) const OPTION: [bool; 6] = [false, false, false, true, false, false];
pub(crate) const RUNTIME: [bool; 6] = [false, false, false, false, true, false];

/// The end of the error about a name with another character.
pub(crate) const ALLOWED: &str =
    "only ASCII letters, digits, `-`, `_`, `.`, `~` and one `:` are allowed";

/// Asserts that each of these is the one problem of its builder.
pub(crate) fn assert_told(kind: [bool; 6], cases: Vec<(HealthBuilder, String)>) {
    for (builder, expected) in cases {
        let error = error(builder);
        assert_eq!(error.to_string(), expected);
        assert_eq!(kinds(&error), kind, "{expected}");
        assert!(!error.is_limit(), "{expected}");
    }
}
