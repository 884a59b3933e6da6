//! Names of checks and gates: which are allowed, and what is said of those that are not.
//!
//! S10 of the peers' tables is among the cases: a name that is taken, no name, a name with a slash,
//! removing what is not there.

use std::time::Duration;

use tower_health::{CheckResult, HealthIndicator, Observation};

use super::support::{ALLOWED, NAME, OPTION, UNKNOWN, assert_told, kinds, ok};
use crate::support::{secs, steady};

#[tokio::test(start_paused = true)]
async fn a_bad_name_of_a_check_is_reported() {
    let long = "x".repeat(129);
    let names = [
        ("", "it is empty".to_owned()),
        ("a/b", format!("it contains '/'; {ALLOWED}")),
        ("a b", format!("it contains ' '; {ALLOWED}")),
        ("a\nb", format!("it contains '\\n'; {ALLOWED}")),
        ("größe", format!("it contains 'ö'; {ALLOWED}")),
        ("a?b", format!("it contains '?'; {ALLOWED}")),
        ("a:b:c", "it has more than one `:`".to_owned()),
        ("a:", "one side of its `:` is empty".to_owned()),
        (":b", "one side of its `:` is empty".to_owned()),
        (&*long, "it is longer than 128 bytes".to_owned()),
    ];
    let told = |what: &str, name: &str, fault: &str| format!("{what} {name:?}: bad name: {fault}");
    let mut cases = Vec::new();
    for (name, fault) in &names {
        cases.push((
            steady().readiness(ok(name)),
            told("readiness check", name, fault),
        ));
        cases.push((
            steady().startup(ok(name)),
            told("startup check", name, fault),
        ));
        cases.push((steady().gate(*name), told("gate", name, fault)));
    }
    assert_told(NAME, cases);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_is_reported() {
    let taken = |what: &str| format!("{what} \"db\": the name is taken");
    assert_told(
        NAME,
        vec![
            (
                steady().readiness(ok("db")).readiness(ok("db")),
                taken("readiness check"),
            ),
            (
                steady().startup(ok("db")).startup(ok("db")),
                taken("startup check"),
            ),
            (steady().gate("db").gate("db"), taken("gate")),
            // They stand in one report.
            (
                steady().gate("db").startup(ok("db")),
                taken("startup check"),
            ),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn names_are_told_apart_by_probe_and_by_case() {
    let health = steady()
        .readiness(ok("db"))
        .readiness(ok("DB"))
        .readiness(ok("db:lag"))
        .startup(ok("db"))
        .gate("db:migrations")
        .start()
        .unwrap();
    health.heartbeat("db", secs(1)).unwrap().finish();
}

#[tokio::test(start_paused = true)]
async fn names_of_checks_that_are_added_later_are_held_to_the_same() {
    let health = steady()
        .gate("migrations")
        .readiness(ok("db"))
        .start()
        .unwrap();
    let error = health.add_readiness(ok("db")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"readiness check "db": the name is taken"#
    );
    assert_eq!(kinds(&error), NAME);
    let error = health.add_startup(ok("migrations")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"startup check "migrations": the name is taken"#
    );
    let error = health.add_readiness(ok("a/b")).await.unwrap_err();
    assert_eq!(kinds(&error), NAME);
    let error = health
        .add_readiness(ok("x").ttl(Duration::ZERO))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), r#""x": ttl must not be zero"#);
    assert_eq!(kinds(&error), OPTION);
    let error = health.remove_readiness("x").await.unwrap_err();
    assert_eq!(error.to_string(), r#"there is no readiness check "x""#);
    assert_eq!(kinds(&error), UNKNOWN);
    let error = health.remove_startup("db").await.unwrap_err();
    assert_eq!(error.to_string(), r#"there is no startup check "db""#);

    // What was refused has left its name free.
    health.add_readiness(ok("x")).await.unwrap();
    health.remove_readiness("x").await.unwrap();
    health.add_readiness(ok("x")).await.unwrap();
}

struct Panics;

impl HealthIndicator for Panics {
    fn name(&self) -> &str {
        panic!("no name yet")
    }

    async fn check(&self) -> CheckResult {
        Ok(Observation::pass())
    }
}

#[tokio::test(start_paused = true)]
async fn an_indicator_that_panics_when_its_name_is_read_is_reported() {
    assert_told(
        NAME,
        vec![(
            steady().readiness(Panics),
            "the indicator of a readiness check panicked while its name and settings were read: \
             panicked: no name yet"
                .to_owned(),
        )],
    );
}

struct Misconfigured;

impl HealthIndicator for Misconfigured {
    fn name(&self) -> &str {
        "db"
    }

    fn config_error(&self) -> Option<String> {
        Some("cannot parse postgres://app:hunter2@db:port/orders".to_owned())
    }

    async fn check(&self) -> CheckResult {
        Ok(Observation::pass())
    }
}

#[tokio::test(start_paused = true)]
async fn the_configuration_error_of_an_indicator_is_redacted() {
    let expected = "\"db\": cannot parse postgres://***@db:port/orders";
    let error = steady().readiness(Misconfigured).start().unwrap_err();
    assert_eq!(error.to_string(), expected);
    let health = steady().start().unwrap();
    let error = health.add_readiness(Misconfigured).await.unwrap_err();
    assert_eq!(error.to_string(), expected);
}
