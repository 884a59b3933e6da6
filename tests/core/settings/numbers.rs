//! Numbers in settings: as numbers, or as texts, which is all that environment variables hold.

use serde::de::value::{Error, MapDeserializer};
use serde::de::{IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer};
use tower_health::{CheckConfig, HealthConfig};

use super::support::{Settings, from_toml, from_yaml};
use crate::support::{millis, secs};

/// Every number of the settings, with a value that is not its default.
const NUMBERS: [(&str, &str, &str); 19] = [
    ("health", "jitter", "0.25"),
    ("health", "jitter_seed", "42"),
    ("health.limits", "excluded_names", "100"),
    ("health.limits", "query_bytes", "100"),
    ("health.limits", "pending_calls", "100"),
    ("health.limits", "pending_calls_per_peer", "100"),
    ("health.limits", "watches", "100"),
    ("health.limits", "watches_per_peer", "100"),
    ("health.limits", "services", "100"),
    ("health.limits", "service_name_bytes", "100"),
    ("health.limits", "transitions", "100"),
    ("health.limits", "log_lines", "100"),
    ("health.limits", "history_per_check", "100"),
    ("health.limits", "history_bytes_per_check", "100"),
    ("health.limits", "readings_per_check", "100"),
    ("health.limits", "text_bytes", "100"),
    ("health.limits", "detached_runs", "100"),
    ("health.checks.db", "failure_threshold", "3"),
    ("health.checks.db", "success_threshold", "2"),
];

#[test]
fn a_number_may_be_given_as_a_text() {
    for (section, key, value) in NUMBERS {
        let read = |value: &str| from_toml(&format!("[{section}]\n{key} = {value}"));
        let number = read(value).unwrap();
        assert_eq!(read(&format!("\"{value}\"")).unwrap(), number, "{key}");
        assert_ne!(number, Settings::default(), "{key}");
    }
}

#[test]
fn a_text_that_is_no_number_is_refused_with_the_reason_and_the_place() {
    for (section, key, _) in NUMBERS {
        for text in ["", "many", "3 times", "0x10"] {
            let line = format!("[{section}]\n{key} = \"{text}\"");
            let error = from_toml(&line).expect_err(&line);
            let expected = format!("bad number \"{text}\": ");
            assert!(error.contains(&expected), "{line}: {error}");
            assert!(error.contains(key), "{line}: {error}");
        }
    }
}

#[test]
fn a_number_beyond_the_range_of_its_setting_is_refused_in_either_form() {
    let cases = [
        ("health", "jitter_seed", "-1"),
        ("health", "jitter_seed", "1.5"),
        ("health.limits", "watches", "-1"),
        ("health.checks.db", "failure_threshold", "5000000000"),
        ("health.checks.db", "success_threshold", "-1"),
    ];
    for (section, key, value) in cases {
        let read = |value: &str| from_toml(&format!("[{section}]\n{key} = {value}"));
        let error = read(value).unwrap_err();
        assert!(error.contains("invalid "), "{key}: {error}");
        let error = read(&format!("\"{value}\"")).unwrap_err();
        let expected = format!("bad number \"{value}\": ");
        assert!(error.contains(&expected), "{key}: {error}");
    }
}

#[test]
fn a_value_that_is_neither_a_number_nor_a_text_is_refused() {
    for (section, key, _) in NUMBERS {
        for value in ["true", "[1]"] {
            let line = format!("[{section}]\n{key} = {value}");
            let error = from_toml(&line).expect_err(&line);
            assert!(error.contains("expected a number"), "{line}: {error}");
            assert!(error.contains(key), "{line}: {error}");
        }
    }
}

#[test]
fn an_optional_number_may_be_null() {
    let settings = from_yaml(
        "health:\n  jitter_seed: null\n  checks:\n    db:\n      failure_threshold: null",
    );
    let health = settings.unwrap().health;
    assert_eq!(health.jitter_seed, None);
    assert_eq!(health.checks["db"], CheckConfig::default());
}

#[test]
fn a_source_that_gives_only_texts_can_set_every_number_and_duration() {
    let settings = from_toml(
        r#"
            [health]
            ttl = "2000"
            timeout = "1s 500ms"
            drain_delay = "0"
            jitter = "0"
            jitter_seed = "42"

            [health.limits]
            watches = "100"
            read_timeout = "2s"

            [health.checks.db]
            stale_after = "60000"
            failure_threshold = "3"
        "#,
    );
    let health = settings.unwrap().health;
    assert_eq!((health.ttl, health.timeout), (secs(2), millis(1500)));
    assert_eq!((health.drain_delay, health.jitter), (secs(0), 0.0));
    assert_eq!(health.jitter_seed, Some(42));
    let limits = health.limits;
    assert_eq!((limits.watches, limits.read_timeout), (100, secs(2)));
    let db = &health.checks["db"];
    assert_eq!(
        (db.stale_after, db.failure_threshold),
        (Some(secs(60)), Some(3))
    );
}

/// Settings of a source that has nothing but texts, as a map of environment variables.
fn from_texts(texts: &[(&str, &str)]) -> Result<HealthConfig, Error> {
    let texts = texts
        .iter()
        .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
    HealthConfig::deserialize(MapDeserializer::new(texts))
}

#[test]
fn a_source_of_texts_alone_sets_durations_numbers_and_texts_optional_ones_included() {
    let texts = [
        ("ttl", "2s"),
        ("jitter", "0.25"),
        ("jitter_seed", "42"),
        ("version", "1.4"),
    ];
    let config = from_texts(&texts).unwrap();
    assert_eq!((config.ttl, config.jitter), (secs(2), 0.25));
    assert_eq!(config.jitter_seed, Some(42));
    assert_eq!(config.version.as_deref(), Some("1.4"));
}

/// A value of a format that marks values which are there, as RON does.
#[derive(Clone)]
struct Present(&'static str);

impl<'de> Deserializer<'de> for Present {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self.0.into_deserializer())
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl IntoDeserializer<'_, Error> for Present {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[test]
fn a_format_may_mark_optional_values_that_are_there() {
    let marked = [("jitter_seed", Present("42")), ("version", Present("1.4"))];
    let config = HealthConfig::deserialize(MapDeserializer::new(marked.into_iter())).unwrap();
    assert_eq!(config.jitter_seed, Some(42));
    assert_eq!(config.version.as_deref(), Some("1.4"));
}

#[test]
fn a_value_that_is_no_text_is_refused_where_a_text_belongs() {
    for value in ["1", "true", "[1]"] {
        let error = from_toml(&format!("[health]\nversion = {value}")).unwrap_err();
        assert!(error.contains("expected a string"), "{error}");
        assert!(error.contains("version"), "{error}");
    }
}
