//! Durations in settings: milliseconds as a number or a text, or a text with units.

use std::time::Duration;

use super::support::{from_toml, from_yaml};
use crate::support::{millis, secs};

fn both(value: &str) -> [Result<Duration, String>; 2] {
    let toml = from_toml(&format!("[health]\nttl = {value}"));
    let yaml = from_yaml(&format!("health:\n  ttl: {value}"));
    [toml, yaml].map(|settings| settings.map(|settings| settings.health.ttl))
}

#[test]
fn a_number_is_milliseconds_even_as_a_text_and_other_texts_have_units() {
    let cases = [
        ("0", Duration::ZERO),
        ("1", millis(1)),
        ("1500", millis(1500)),
        ("86400000", secs(24 * 3600)),
        ("\"0\"", Duration::ZERO),
        ("\"500\"", millis(500)),
        ("\"86400000\"", secs(24 * 3600)),
        ("\"1500ms\"", millis(1500)),
        ("\"2s\"", secs(2)),
        ("\"1s 500ms\"", millis(1500)),
        ("\"1m 30s\"", secs(90)),
        ("\"1m30s\"", secs(90)),
        ("\"2h\"", secs(7200)),
        ("\"250us\"", Duration::from_micros(250)),
        ("\"1 minute\"", secs(60)),
    ];
    for (value, expected) in cases {
        assert_eq!(both(value), [Ok(expected), Ok(expected)], "{value}");
    }
}

#[test]
fn what_is_no_duration_is_refused_with_the_reason_and_the_place() {
    let cases = [
        ("-1", "a duration cannot be negative: -1"),
        ("-9223372036854775808", "a duration cannot be negative"),
        (
            "1.5",
            "expected a duration: milliseconds, or a text such as \"1s 500ms\"",
        ),
        (
            "true",
            "expected a duration: milliseconds, or a text such as \"1s 500ms\"",
        ),
        (
            "[1]",
            "expected a duration: milliseconds, or a text such as \"1s 500ms\"",
        ),
        ("\"\"", "bad duration \"\""),
        ("\"soon\"", "bad duration \"soon\""),
        ("\"-1s\"", "bad duration \"-1s\""),
        ("\"1.5\"", "bad duration \"1.5\""),
        ("\"-5\"", "bad duration \"-5\""),
        ("\"+5\"", "bad duration \"+5\""),
        ("\" 5\"", "bad duration \" 5\""),
        (
            "\"99999999999999999999\"",
            "bad duration \"99999999999999999999\"",
        ),
        ("\"5 parsecs\"", "bad duration \"5 parsecs\""),
        (
            "\"99999999999999999999s\"",
            "bad duration \"99999999999999999999s\"",
        ),
    ];
    for (value, expected) in cases {
        for error in both(value) {
            let error = error.expect_err(value);
            assert!(error.contains(expected), "{value}: {error}");
            assert!(error.contains("ttl"), "{value}: {error}");
        }
    }
}

#[test]
fn every_duration_is_written_alike() {
    let of_health = ["ttl", "timeout", "drain_delay", "drain_cap"];
    let of_check = [
        "timeout",
        "ttl",
        "failing_ttl",
        "suspect_ttl",
        "stale_after",
        "while_probed",
    ];
    let sections = of_health
        .map(|key| ("health", key))
        .into_iter()
        .chain(of_check.map(|key| ("health.checks.db", key)));
    for (section, key) in sections {
        let read = |value: &str| from_toml(&format!("[{section}]\n{key} = {value}"));
        assert_eq!(read("90000"), read("\"1m 30s\""), "{section}.{key}");
        assert_eq!(read("90000"), read("\"90000\""), "{section}.{key}");
        assert!(read("90000").is_ok(), "{section}.{key}");
        let error = read("-5").unwrap_err();
        assert!(error.contains("negative"), "{section}.{key}: {error}");
        assert!(error.contains(key), "{section}.{key}: {error}");
        let error = read("\"soon\"").unwrap_err();
        assert!(error.contains("bad duration"), "{section}.{key}: {error}");
    }
}

#[test]
fn values_of_the_wrong_kind_are_refused_by_the_name_of_their_key() {
    let cases = [
        ("health", "jitter = \"much\"", "jitter"),
        ("health", "jitter_seed = -1", "jitter_seed"),
        ("health", "notes = \"one\"", "notes"),
        ("health", "version = 1", "version"),
        ("health", "links = [\"x\"]", "links"),
        (
            "health.checks.db",
            "failure_threshold = -1",
            "failure_threshold",
        ),
        (
            "health.checks.db",
            "success_threshold = 5000000000",
            "success_threshold",
        ),
        ("health.checks.db", "criticality = \"optional\"", "optional"),
        ("health.checks.db", "criticality = true", "criticality"),
        ("layer", "liveness = \"/livez\"", "liveness"),
        ("layer", "prefix = 1", "prefix"),
    ];
    for (section, line, named) in cases {
        let error = from_toml(&format!("[{section}]\n{line}")).expect_err(line);
        assert!(error.contains(named), "{line}: {error}");
    }
}
