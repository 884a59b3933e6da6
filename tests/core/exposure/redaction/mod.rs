//! Every text passes the redaction hook, is bounded before it and cut after it.

mod corpus;
mod planted;
mod table;

use std::sync::{Arc, Mutex};

use tower_health::{
    Failure, Health, HealthBuilder, Observation, Probe, Status, indicator_fn, redact_credentials,
};

use super::support::{Port, check, failing, panics};
use crate::support::{Dial, lapse, secs, settle, steady};

const DSN: &str = "postgres://app:hunter2@db/main";

/// One text of every kind that a user or a library can put into a health.
async fn talkative(builder: HealthBuilder, text: &str) -> Health {
    let flapping = Dial::pass();
    let owned = text.to_owned();
    let health = builder
        .gate("gate")
        .readiness(failing("failure", text))
        .readiness(check("warning", Ok(Observation::warn(text))))
        .readiness(check(
            "reading",
            Ok(Observation::pass()
                .value(text, "text")
                .measurement("seen", text, "text")
                .measurement(text.to_owned(), 1, text.to_owned())),
        ))
        .readiness(check(
            "failed-reading",
            Err(Failure::new("failed").value(text, "text")),
        ))
        .readiness(indicator_fn("panic", move || panics(owned.clone())))
        .readiness(flapping.check("flapping").failure_threshold(3))
        .start()
        .unwrap();
    health.gate("gate").unwrap().fail(text);
    health.mark_broken(text);
    health.refuse_traffic(text);
    settle().await;
    flapping.turn(Err(text.into()));
    lapse(secs(1)).await;
    health
}

/// All that anybody can see of a health.
async fn seen(health: &Health) -> String {
    let port = Port::management(health);
    let mut seen = format!("{:?}", health.snapshot());
    for path in ["/livez", "/readyz", "/startupz"] {
        seen += &port.get(path).await.body;
        seen += &port.get(&format!("{path}?verbose")).await.body;
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn credentials_are_removed_from_every_text_by_default() {
    let health = talkative(steady(), DSN).await;
    let seen = seen(&health).await;
    assert!(!seen.contains("hunter2"), "{seen}");

    let port = Port::management(&health);
    let report = port.get("/readyz").await.json();
    let hidden = "postgres://***@db/main";
    let checks = &report["checks"];
    assert_eq!(checks["failure"][0]["output"], hidden);
    assert_eq!(checks["warning"][0]["output"], hidden);
    assert_eq!(checks["reading"][0]["observedValue"], hidden);
    assert_eq!(checks["reading:seen"][0]["observedValue"], hidden);
    assert_eq!(checks["failed-reading"][0]["observedValue"], hidden);
    let named = &checks["reading:postgres.//***@db/main"][0];
    assert_eq!(named["observedUnit"], hidden);
    assert_eq!(checks["panic"][0]["output"], format!("panicked: {hidden}"));
    assert_eq!(checks["flapping"][0]["status"], "pass");
    let notes = report["notes"].as_array().unwrap();
    let contradiction = format!("flapping: failed 1 of 3 times: {hidden}");
    assert!(notes.contains(&contradiction.into()), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hook_of_the_user_takes_the_place_of_the_default() {
    let builder = steady().redact(|text| text.replace("hunter2", "XXX"));
    let health = talkative(builder, "hunter2 but password=visible").await;
    let seen = seen(&health).await;
    assert!(!seen.contains("hunter2"), "{seen}");
    assert!(seen.contains("XXX but password=visible"), "{seen}");
}

#[tokio::test(start_paused = true)]
async fn a_hook_may_build_on_the_default() {
    let hook = |text: &str| redact_credentials(text).replace("tenant-7", "tenant-?");
    let health = steady()
        .redact(hook)
        .readiness(failing("db", "tenant-7: password=hunter2"))
        .start()
        .unwrap();
    settle().await;
    let report = Port::management(&health).get("/readyz").await.json();
    assert_eq!(report["output"], "db: tenant-?: password=***");
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_withholds_the_text_and_changes_no_status() {
    let builder = steady().redact(|text| panic!("cannot redact {text}"));
    let health = talkative(builder, "hunter2").await;
    let seen = seen(&health).await;
    assert!(!seen.contains("hunter2"), "{seen}");

    let report = Port::management(&health).get("/readyz").await.json();
    let withheld = "withheld: the redaction hook panicked";
    assert_eq!(report["checks"]["failure"][0]["output"], withheld);
    assert_eq!(report["checks"]["failure"][0]["status"], "fail");
    assert_eq!(report["checks"]["warning"][0]["status"], "warn");
    assert_eq!(report["checks"]["reading"][0]["status"], "pass");
    assert_eq!(health.refresher_restarts(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_hook_sees_at_most_64_kib_and_4_kib_of_what_it_returns_are_kept() {
    let longest = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&longest);
    let health = talkative(
        steady().redact(move |text| {
            let mut longest = seen.lock().unwrap();
            *longest = text.len().max(*longest);
            text.to_owned()
        }),
        &"ä".repeat(1 << 19),
    )
    .await;
    assert_eq!(*longest.lock().unwrap(), 64 * 1024);

    let snapshot = health.snapshot();
    let mut texts = 0;
    for check in snapshot.checks(Probe::Readiness) {
        if let Some(output) = check.output() {
            assert!(output.len() <= 4096, "{}: {}", check.name(), output.len());
            texts += usize::from(output.len() > 4000);
        }
    }
    assert_eq!(texts, 3, "failure, warning and panic");
    for &probe in Probe::ALL {
        let output = snapshot.report(probe).output().unwrap();
        assert!((4000..=4096).contains(&output.len()), "{probe}");
    }
}

#[tokio::test(start_paused = true)]
async fn texts_are_cut_between_characters() {
    // name, text, what is kept of it
    let table = [
        ("exactly the limit", "a".repeat(4096), 4096),
        ("one byte more", "a".repeat(4097), 4096),
        ("two-byte characters", "ä".repeat(3000), 4096),
        (
            "two-byte characters out of step",
            format!("a{}", "ä".repeat(3000)),
            4095,
        ),
        (
            "four-byte characters out of step",
            format!("abc{}", "𝕏".repeat(3000)),
            4095,
        ),
    ];
    for (name, text, kept) in table {
        let health = steady().readiness(failing("db", &text)).start().unwrap();
        settle().await;
        let report = Port::management(&health).get("/readyz").await.json();
        let output = report["checks"]["db"][0]["output"].as_str().unwrap();
        assert_eq!(output.len(), kept, "{name}");
        assert!(text.starts_with(output), "{name}");
    }
}

// Cut first and redacted then, half a password would be no password to the hook any more.
#[tokio::test(start_paused = true)]
async fn a_secret_at_the_cut_is_removed_whole() {
    for before in 4070..4100 {
        let text = format!("{} password=hunter2", "x".repeat(before));
        let health = steady().readiness(failing("db", &text)).start().unwrap();
        settle().await;
        let body = Port::management(&health).get("/readyz").await.body;
        assert!(!body.contains("=h"), "{before}");
    }
}

#[tokio::test(start_paused = true)]
async fn listeners_and_subscribers_get_redacted_texts() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&heard);
    let health = steady()
        .readiness(failing("db", DSN))
        .on_transition(move |transition| listener.lock().unwrap().push(transition.clone()))
        .start()
        .unwrap();
    let mut transitions = health.subscribe();
    settle().await;
    let told = transitions.next().await.unwrap();
    assert_eq!(told.to, Status::Fail);
    assert_eq!(told.output.as_deref(), Some("postgres://***@db/main"));
    assert_eq!(*heard.lock().unwrap(), [told]);
}
