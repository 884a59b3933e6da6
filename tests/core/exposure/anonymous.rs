//! What a stranger learns: a status, and nothing else, whatever he tries.

use http::{HeaderValue, Request};
use tower_health::{
    Check, ComponentType, Criticality, Details, Failure, Health, HealthLayer, Observation, Probe,
};

use super::support::{Answer, Port, TOKEN, check, failing};
use crate::support::prober::APPLICATION;
use crate::support::{Dial, lapse, secs, settle, steady};

const QUERIES: [&str; 8] = [
    "",
    "?",
    "?verbose",
    "?verbose=1&exclude=db",
    "?exclude=db",
    "?token=s3cret-token&access_token=s3cret-token",
    "?full=true&details=always&format=json&forceInstantExecution",
    "?%76erbose",
];

const METHODS: [&str; 8] = [
    "GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "TRACE", "PURGE",
];

const PATHS: [&str; 3] = ["/livez", "/readyz", "/startupz"];

/// Every text in a health that must not get out.
const SECRETS: [&str; 14] = [
    "db",
    "hunter2",
    "10.0.1.5",
    "postgres",
    "primary",
    "datastore",
    "billing",
    "migrations",
    "consumer",
    "lock",
    "reshard",
    "1.4.0",
    "build-77",
    "time",
];

fn credentials() -> Vec<(&'static str, Vec<HeaderValue>)> {
    let value = |text: &[u8]| HeaderValue::from_bytes(text).unwrap();
    let right = value(format!("Bearer {TOKEN}").as_bytes());
    vec![
        ("none", vec![]),
        ("empty", vec![value(b"")]),
        ("no scheme", vec![value(TOKEN.as_bytes())]),
        ("scheme only", vec![value(b"Bearer")]),
        ("scheme and space", vec![value(b"Bearer ")]),
        ("another scheme", vec![value(b"Basic czNjcmV0OnRva2Vu")]),
        ("broken base64", vec![value(b"Basic %%%")]),
        ("a wrong token", vec![value(b"Bearer s3cret-tokem")]),
        ("a shorter token", vec![value(b"Bearer s3cret-toke")]),
        ("a longer token", vec![value(b"Bearer s3cret-tokenn")]),
        ("two spaces", vec![value(b"Bearer  s3cret-token")]),
        ("a tab", vec![value(b"Bearer\ts3cret-token")]),
        ("a space behind it", vec![value(b"Bearer s3cret-token ")]),
        ("quotes", vec![value(b"Bearer \"s3cret-token\"")]),
        ("a list", vec![value(b"Bearer s3cret-token, Bearer x")]),
        ("bytes that are not UTF-8", vec![value(b"Bearer \xff\xfe")]),
        ("a megabyte", vec![value(&vec![b'x'; 1 << 20])]),
        ("a megabyte behind the scheme", {
            let mut huge = b"Bearer ".to_vec();
            huge.resize(1 << 20, b'x');
            vec![value(&huge)]
        }),
        ("twice the right one", vec![right.clone(), right.clone()]),
        ("the right one, then none", vec![right, value(b"")]),
    ]
}

/// A service about which there is much to tell.
fn secretive(db: Check) -> Health {
    steady()
        .version("1.4.0")
        .release_id("build-77")
        .service_id("billing-7")
        .description("the billing service")
        .note("billing runs with one replica")
        .link("about", "https://billing.example.org")
        .gate("migrations")
        .readiness(db)
        .start()
        .unwrap()
}

fn database(criticality: Criticality) -> Check {
    let failure = Failure::new("cannot reach postgres://app:hunter2@10.0.1.5:5432/main")
        .value(17, "db-retries")
        .measurement("db-lag", "hunter2", "");
    check("db", Err(failure))
        .criticality(criticality)
        .component_id("primary-db")
        .component_type(ComponentType::Datastore)
        .affected_endpoint("/billing")
}

async fn states() -> Vec<(&'static str, Health)> {
    let mut states = Vec::new();
    for (name, criticality) in [
        ("down", Criticality::Critical),
        ("degraded", Criticality::NonCritical),
    ] {
        let health = secretive(database(criticality));
        health.gate("migrations").unwrap().complete();
        states.push((name, health));
    }
    let health = secretive(Dial::pass().check("db"));
    states.push(("before anything ran", health));
    let health = secretive(database(Criticality::Critical));
    health
        .gate("migrations")
        .unwrap()
        .fail("relation billing exists");
    drop(
        health
            .heartbeat("consumer", std::time::Duration::from_secs(1))
            .unwrap(),
    );
    health.mark_broken("poisoned lock");
    health.refuse_traffic("resharding");
    health.drain();
    states.push(("everything is wrong", health));
    settle().await;
    states
}

fn policies() -> Vec<(&'static str, Details)> {
    vec![
        ("never", Details::never()),
        ("bearer", Details::bearer(TOKEN)),
        ("nobody", Details::when(|_| false)),
        (
            "a predicate that panics",
            Details::when(|_| panic!("hunter2")),
        ),
    ]
}

fn assert_nothing_leaks(answer: &Answer, what: &str) {
    let seen = format!("{:?} {}", answer.headers, answer.body);
    for secret in SECRETS {
        assert!(!seen.contains(secret), "{what}: {secret:?} in {seen}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_query_and_no_method_makes_a_probe_tell_more() {
    for (state, health) in states().await {
        for (policy, details) in policies() {
            let port = Port::with(&health, details);
            for path in PATHS {
                let plain = port.get(path).await;
                assert!(plain.is_public(), "{state}, {policy}, {path}: {plain:?}");
                for query in QUERIES {
                    let target = format!("{path}{query}");
                    for method in METHODS {
                        let what = format!("{state}, {policy}, {method} {target}");
                        let request = Request::builder().method(method).uri(&target);
                        let answer = port.send(request).await;
                        assert_nothing_leaks(&answer, &what);
                        match method {
                            "GET" => assert_eq!(answer, plain, "{what}"),
                            "HEAD" | "OPTIONS" => {
                                assert_eq!(
                                    (answer.code, &*answer.body),
                                    (plain.code, ""),
                                    "{what}"
                                );
                            }
                            _ => assert_eq!((answer.code, &*answer.body), (405, ""), "{what}"),
                        }
                    }
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_is_not_exactly_right_is_none_at_all() {
    for (state, health) in states().await {
        for (policy, details) in policies() {
            let port = Port::with(&health, details);
            for path in PATHS {
                let plain = port.get(path).await;
                for (credential, values) in credentials() {
                    let mut request = Request::get(format!("{path}?verbose"));
                    for value in values {
                        request = request.header("authorization", value);
                    }
                    let answer = port.send(request).await;
                    assert_eq!(answer, plain, "{state}, {policy}, {path}, {credential}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_right_credential_changes_the_body_and_never_the_code() {
    for (state, health) in states().await {
        let port = Port::guarded(&health);
        for path in PATHS {
            let plain = port.get(path).await;
            for query in QUERIES {
                let what = format!("{state}, {path}{query}");
                let seen = port.get_with_token(&format!("{path}{query}")).await;
                assert_eq!(seen.code, plain.code, "{what}");
                assert_ne!(seen.body, plain.body, "{what}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn to_a_stranger_there_is_no_path_below_a_probe() {
    let health = secretive(database(Criticality::Critical));
    let _late = health
        .heartbeat("consumer", std::time::Duration::from_secs(1))
        .unwrap();
    settle().await;
    for (policy, details) in policies() {
        let port = Port::with(&health, details);
        for path in [
            "/readyz/db",
            "/readyz/db?verbose",
            "/readyz/nothing",
            "/startupz/migrations",
            "/livez/consumer",
        ] {
            for method in METHODS {
                let request = Request::builder().method(method).uri(path);
                let answer = port.send(request).await;
                let what = format!("{policy}, {method} {path}");
                assert_eq!((answer.code, &*answer.body), (200, APPLICATION), "{what}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_public_answer_does_not_change_by_a_byte_while_the_status_stays() {
    let cases = [
        ("pass", Dial::pass()),
        ("warn", Dial::at(Ok(Observation::warn("0").value(0, "s")))),
        ("fail", Dial::at(Err("0".into()))),
    ];
    for (name, db) in cases {
        let health = steady().readiness(db.check("db")).start().unwrap();
        settle().await;
        let port = Port::public(&health);
        let first = port.get("/readyz").await;
        assert_eq!(first.body, format!(r#"{{"status":"{name}"}}"#));
        for round in 1..100 {
            let text = round.to_string();
            db.turn(match name {
                "pass" => Ok(Observation::pass().value(round, "s")),
                "warn" => Ok(Observation::warn(text).value(round, "s")),
                _ => Err(text.into()),
            });
            lapse(secs(1)).await;
            assert_eq!(port.get("/readyz").await, first, "{name}, round {round}");
        }
    }
}

// Liveness of a bare layer, a prefix, an alias: a public answer is the same everywhere.
#[tokio::test(start_paused = true)]
async fn every_path_of_a_probe_gives_the_same_answer() {
    let health = steady()
        .readiness(failing("db", "refused"))
        .start()
        .unwrap();
    settle().await;
    let layer = HealthLayer::builder(health)
        .prefix("/internal")
        .alias("/health", Probe::Readiness)
        .alias("/ready", Probe::Readiness)
        .build()
        .unwrap();
    let port = Port::of(layer);
    let readyz = port.get("/internal/readyz").await;
    assert_eq!((readyz.code, &*readyz.body), (503, r#"{"status":"fail"}"#));
    assert_eq!(port.get("/internal/health").await, readyz);
    assert_eq!(port.get("/internal/ready").await, readyz);
    assert_eq!(port.get("/readyz").await.body, APPLICATION);
}
