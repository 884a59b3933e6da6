//! An unknown key is an error that names it, so that no typing error goes unseen.

use super::support::{from_toml, from_yaml};

#[test]
fn an_unknown_key_is_named_wherever_it_stands() {
    let cases = [
        ("[health]\ntttl = 1", "health:\n  tttl: 1", "tttl"),
        ("[health]\nTTL = 1", "health:\n  TTL: 1", "TTL"),
        (
            "[health]\ncacheTtl = 1",
            "health:\n  cacheTtl: 1",
            "cacheTtl",
        ),
        ("[health]\ndetails = 1", "health:\n  details: 1", "details"),
        (
            "[health.checks.db]\ntimout = 1",
            "health:\n  checks:\n    db:\n      timout: 1",
            "timout",
        ),
        (
            "[health.checks.db]\njitter = 0.1",
            "health:\n  checks:\n    db:\n      jitter: 0.1",
            "jitter",
        ),
        ("[layer]\nlivenes = []", "layer:\n  livenes: []", "livenes"),
        ("[layer]\nttl = 1", "layer:\n  ttl: 1", "ttl"),
    ];
    for (toml, yaml, key) in cases {
        for error in [from_toml(toml).unwrap_err(), from_yaml(yaml).unwrap_err()] {
            let expected = format!("unknown field `{key}`, expected one of ");
            assert!(error.contains(&expected), "{key}: {error}");
        }
    }
}

#[test]
fn a_key_that_stands_twice_is_an_error() {
    let error = from_toml("[health]\nttl = 1\nttl = 2").unwrap_err();
    assert!(error.contains("duplicate key"), "{error}");
    let error = from_yaml("health:\n  ttl: 1\n  ttl: 2").unwrap_err();
    assert!(error.contains("duplicate field `ttl`"), "{error}");
}
