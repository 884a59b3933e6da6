//! Settings: files, the environment, and what is printed of them.

use std::path::Path;

use serde_json::json;
use toml::Table;

use crate::support::http::get;
use crate::support::service::{Service, run};

const REQUIRED: [(&str, &str); 2] = [
    ("DATABASE_URL", "sqlite:notes.db"),
    ("MANAGEMENT_TOKEN", "a-token"),
];

#[test]
fn a_variable_that_is_missing_is_an_error_that_names_it() {
    for mode in ["staging", "production"] {
        for (missing, _) in REQUIRED {
            let others: Vec<_> = REQUIRED
                .into_iter()
                .filter(|(name, _)| *name != missing)
                .collect();
            for role in ["monolith", "maintenance"] {
                let (code, output) = run(&["--mode", mode, "--role", role], &others);
                assert_eq!(code, Some(1), "{output}");
                let named = format!("the environment variable {missing} is not set");
                assert!(output.contains(&named), "{output}");
            }
            // An empty one says nothing either.
            let empty = [&others[..], &[(missing, "")]].concat();
            let (code, output) = run(&["--mode", mode], &empty);
            assert!(code == Some(1) && output.contains(missing), "{output}");
        }
    }
}

#[test]
fn the_files_that_are_shipped_are_those_within_the_binary() {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let files = files.to_str().unwrap();
    for mode in ["development", "staging", "production"] {
        let built_in = run(&["settings", "--mode", mode], &[]);
        assert_eq!(built_in.0, Some(0), "{}", built_in.1);
        assert_eq!(
            run(&["settings", "--mode", mode, "--config", files], &[]),
            built_in
        );
        let by_variable = [("MODE", mode), ("CONFIG_DIR", files)];
        assert_eq!(run(&["settings"], &by_variable), built_in);
    }
}

#[test]
fn settings_are_printed_without_a_secret_being_there_or_shown() {
    let secrets = [
        ("DATABASE_URL", "postgres://app:canary-1@localhost/notes"),
        ("REDIS_URL", "redis://:canary-2@localhost"),
        ("SENTRY_DSN", "https://canary3@localhost/1"),
        ("MANAGEMENT_TOKEN", "canary-4"),
    ];
    let arguments = ["settings", "--mode", "production"];
    let (code, text) = run(&arguments, &secrets);
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("canary"), "{text}");
    assert_eq!(run(&arguments, &[]).1, text);

    let settings: Table = text.parse().unwrap();
    assert_eq!(settings["health"]["drain_delay"].as_str(), Some("5s"));
    assert_eq!(settings["health"]["drain_cap"].as_str(), Some("20s"));
    assert_eq!(settings["gates"]["migrations"].as_str(), Some("4m"));
    assert_eq!(settings["paths"]["readiness"][0].as_str(), Some("/readyz"));
    assert_eq!(
        settings["checks"]["database"]["criticality"].as_str(),
        Some("critical")
    );
    assert_eq!(
        settings["checks"]["redis"]["criticality"].as_str(),
        Some("non_critical")
    );
}

#[test]
fn ports_and_settings_of_the_health_come_from_the_environment_too() {
    let settings = |variables: &[_]| -> Table {
        let ports = [("API_PORT", ""), ("WEB_PORT", "")];
        let (code, text) = run(&["settings"], &[&ports, variables].concat());
        assert_eq!(code, Some(0), "{text}");
        text.parse().unwrap()
    };
    assert_eq!(settings(&[])["ports"]["api"].as_integer(), Some(8080));
    // As Railway and Fly.io give it.
    let given = settings(&[("PORT", "9000"), ("HEALTH_DRAIN_DELAY", "9s")]);
    assert_eq!(given["ports"]["api"].as_integer(), Some(9000));
    assert_eq!(given["ports"]["web"].as_integer(), Some(8082));
    assert_eq!(given["health"]["drain_delay"].as_str(), Some("9s"));
    let times = settings(&[
        ("MIGRATION_TIMEOUT", "20m"),
        ("DATABASE_CHECK_TTL", "7s"),
        ("REDIS_CHECK_TTL", "8s"),
        ("HEALTH_DRAIN_DELAY", ""),
        ("HEALTH_TTL", "9s"),
    ]);
    assert_eq!(times["gates"]["migrations"].as_str(), Some("20m"));
    assert_eq!(times["checks"]["database"]["ttl"].as_str(), Some("7s"));
    assert_eq!(times["checks"]["redis"]["ttl"].as_str(), Some("8s"));
    // A number alone is one of seconds, as the scripts of the kit take it.
    let seconds = settings(&[("MIGRATION_TIMEOUT", "90")]);
    assert_eq!(seconds["gates"]["migrations"].as_str(), Some("1m 30s"));
    // An empty one counts as not set.
    assert_eq!(times["health"]["drain_delay"].as_str(), Some("0s"));
    assert_eq!(times["health"]["ttl"].as_str(), Some("9s"));
    let both = settings(&[("PORT", "9000"), ("API_PORT", "9001")]);
    assert_eq!(both["ports"]["api"].as_integer(), Some(9001));
}

/// As the kubelet sets it where a Service is named `api`, `web` or `health`.
#[test]
fn a_service_link_of_kubernetes_is_an_error_that_says_so() {
    let link = "tcp://10.0.0.1:8080";
    for name in ["API_PORT", "WEB_PORT", "HEALTH_PORT", "HEALTH_SERVICE_HOST"] {
        let (code, output) = run(&[], &[(name, link)]);
        assert_eq!(code, Some(1), "{output}");
        assert!(output.contains("enableServiceLinks: false"), "{output}");
    }
    let (code, output) = run(&["healthcheck"], &[("API_PORT", link)]);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("enableServiceLinks: false"), "{output}");
}

#[test]
fn the_version_of_the_build_is_what_the_summary_says() {
    let service = Service::start(&[], &[("HEALTH_VERSION", "abc")]).ready();
    for port in [service.api, service.web] {
        let summary = get(port, "/health").json();
        assert_eq!(summary, json!({"healthy": true, "version": "abc"}));
    }
    assert!(service.report("/readyz").contains(r#""version":"abc""#));
}

#[test]
fn a_setting_that_cannot_be_used_is_an_error_that_names_it_and_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().to_str().unwrap();
    let (code, output) = run(&["--config", folder], &[]);
    assert!(
        code == Some(1) && output.contains("development.toml"),
        "{output}"
    );

    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/development.toml");
    let shipped = std::fs::read_to_string(shipped).unwrap();
    for (from, to, named) in [
        ("[redis]", "[rdis]", "rdis"),
        ("drain_delay = 0", "drain_delays = 0", "drain_delays"),
        ("drain_delay = 0", "drain_delay = \"soon\"", "drain_delay"),
        ("${API_PORT:-${PORT:-8080}}", "http", "api.port"),
        ("[api]", "[api", "line 5"),
        (
            "${DATABASE_URL:-sqlite:data/service.db}",
            "mysql://localhost",
            "database.url",
        ),
        (
            "${DATABASE_URL:-sqlite:data/service.db}",
            "sqlite::memory:",
            "database.url",
        ),
        ("${REDIS_URL:-}", "http://localhost", "redis.url"),
        ("${SENTRY_DSN:-}", "no dsn", "sentry.dsn"),
        ("${LOG:-info}", "info,a=loud", "log.filter"),
        (
            "${MANAGEMENT_HOST:-127.0.0.1}",
            "0.0.0.0",
            "management.token",
        ),
        ("[health.checks.redis]", "[health.checks.rdis]", "rdis"),
    ] {
        let text = shipped.replacen(from, to, 1);
        assert_ne!(text, shipped, "{from}");
        std::fs::write(directory.path().join("development.toml"), text).unwrap();
        let (code, output) = run(&["--config", folder], &[("MANAGEMENT_HOST", "")]);
        assert_eq!(code, Some(1), "{to}: {output}");
        let error = output
            .lines()
            .find(|line| line.starts_with("service: "))
            .unwrap();
        assert!(error.contains(named), "{to}: {output}");
    }
}
