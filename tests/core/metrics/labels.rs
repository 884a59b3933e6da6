//! What labels have in them, and what they never have.

use tower_health::{Check, ComponentType, Observation, Status, indicator_fn};

use super::scrape::scrape;
use crate::support::{Dial, lapse, secs, settle, steady};

/// A text in a label makes a new series for each error, and shows it to whoever may scrape.
#[tokio::test(start_paused = true)]
async fn no_text_of_a_run_gets_into_a_scrape() {
    const TEXTS: [&str; 6] = [
        "refused",
        "10.0.0.7",
        "hunter2",
        "slow-query",
        "weird",
        "broke",
    ];
    let mut run = 0;
    let script = std::sync::Mutex::new(move || {
        run += 1;
        run
    });
    let db = Check::new(indicator_fn("db", move || {
        let run = script.lock().unwrap()();
        async move {
            match run % 3 {
                0 => Ok(Observation::warn("slow-query").value("weird", "")),
                1 => Err("refused by 10.0.0.7, password hunter2"),
                _ => panic!("broke"),
            }
        }
    }));
    let health = steady()
        .readiness(db)
        .readiness(
            Dial::at(Status::Fail)
                .check("cache")
                .link("runbook", "https://weird"),
        )
        .start()
        .unwrap();
    health.refuse_traffic("broke");
    health.mark_broken("broke");
    for _ in 0..6 {
        settle().await;
        for accept in [None, Some("application/openmetrics-text")] {
            for response in [health.metrics(accept), health.metrics_slis(accept)] {
                let text = String::from_utf8(response.into_body().to_vec()).unwrap();
                for secret in TEXTS {
                    assert!(!text.contains(secret), "{secret} in {text}");
                }
            }
        }
        lapse(secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_value_of_a_label_is_escaped() {
    let hostile = "a\"} 1\nhealth_draining 1\n\\";
    let db = Dial::pass().check("db");
    let db = db.component_type(ComponentType::Other(hostile.into()));
    let health = steady().readiness(db).version(hostile).start().unwrap();
    let samples = scrape(&health);
    let escaped = r#"a\"} 1\nhealth_draining 1\n\\"#;
    let labels = r#"check="db",probe="readiness",critical="true""#;
    let series = format!(r#"health_check_info{{{labels},component_type="{escaped}"}}"#);
    assert_eq!(samples.get(&series), Some(&1.0));
    assert_eq!(samples["health_draining"], 0.0);
}

#[tokio::test(start_paused = true)]
async fn the_release_is_shown_and_what_was_not_set_is_empty() {
    let health = steady()
        .version("1")
        .release_id("1.4.0+build-77")
        .environment("staging")
        .start()
        .unwrap();
    let labels = r#"version="1",release_id="1.4.0+build-77",service_id="",environment="staging""#;
    assert_eq!(
        scrape(&health).get(&format!("health_info{{{labels}}}")),
        Some(&1.0)
    );
}
