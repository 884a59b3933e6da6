//! The log: each reason once for each change, and no text that forges a line.
//!
//! S11 of the peers' tables is here: nothing is logged of what is up, and a failure once. Fields
//! are looked at as a subscriber gets them, since not every one of them escapes what it writes.

use tokio::runtime::Builder;
use tokio::time::advance;
use tower_health::test_util::{ScriptedIndicator, Step};
use tower_health::{Criticality, Observation};
use tracing::Level;

use super::support::{failing, passing};
use crate::support::log::{logged, with_text};
use crate::support::{Dial, lapse, secs, settle, steady};

// db:       pass  fail ×100  pass  fail
// reason:         once             once
#[tokio::test(start_paused = true)]
async fn the_reason_is_logged_once_for_each_change() {
    logged();
    let db = Dial::pass();
    let _health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    lapse(secs(10)).await;
    logged();

    db.turn(Err("refused".into()));
    lapse(secs(100)).await;
    let lines = logged();
    assert_eq!(with_text(&lines, "refused"), 1, "{lines:#?}");
    let line = lines.iter().find(|line| line.contains("refused")).unwrap();
    assert_eq!(line.level, Level::WARN);
    assert_eq!(line.get("subject"), "readiness/db");
    assert_eq!((line.get("from"), line.get("to")), ("pass", "fail"));
    assert_eq!(line.get("output"), "refused");
    // The probe changed too.
    let probe: Vec<_> = lines
        .iter()
        .filter(|line| line.get("subject") == "readiness")
        .collect();
    assert_eq!(probe.len(), 1);
    assert_eq!((probe[0].get("from"), probe[0].get("to")), ("pass", "fail"));
    assert_eq!(lines.len(), 2, "{lines:#?}");

    db.turn(Ok(().into()));
    lapse(secs(100)).await;
    let lines = logged();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines.iter().all(|line| line.level == Level::INFO));
    assert_eq!(with_text(&lines, "refused"), 0);

    db.turn(Err("refused".into()));
    lapse(secs(100)).await;
    assert_eq!(with_text(&logged(), "refused"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_passes_from_the_start_is_worth_no_line_that_anybody_reads() {
    logged();
    let _health = steady().readiness(passing("db")).start().unwrap();
    settle().await;
    lapse(secs(100)).await;
    let lines = logged();
    let of_the_check: Vec<_> = lines
        .iter()
        .filter(|line| line.get("subject") == "readiness/db")
        .collect();
    assert_eq!(of_the_check.len(), 1);
    assert_eq!(of_the_check[0].level, Level::DEBUG);
    assert!(lines.iter().all(|line| line.level > Level::WARN));
}

#[tokio::test(start_paused = true)]
async fn a_check_that_fails_from_the_start_is_logged_once() {
    logged();
    let _health = steady()
        .readiness(failing("db", "refused"))
        .readiness(failing("cache", "no route").criticality(Criticality::NonCritical))
        .start()
        .unwrap();
    settle().await;
    lapse(secs(100)).await;
    let lines = logged();
    assert_eq!(with_text(&lines, "refused"), 1, "{lines:#?}");
    assert_eq!(with_text(&lines, "no route"), 1, "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_reason_that_changes_while_the_status_stays_is_not_logged_again() {
    logged();
    let db = Dial::at(Err("refused 0".into()));
    let _health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    for round in 1..50 {
        db.turn(Err(format!("refused {round}").into()));
        lapse(secs(1)).await;
    }
    assert_eq!(with_text(&logged(), "refused"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_process_says_of_itself_is_logged_once_with_its_reason() {
    logged();
    let health = steady().gate("migrations").start().unwrap();
    health.gate("migrations").unwrap().fail("column exists");
    settle().await;
    let lines = logged();
    assert_eq!(with_text(&lines, "column exists"), 1, "{lines:#?}");
    assert_eq!(with_text(&lines, "migrations"), 1, "{lines:#?}");

    health.mark_broken("poisoned lock");
    settle().await;
    drop(
        health
            .heartbeat("consumer", std::time::Duration::from_secs(1))
            .unwrap(),
    );
    lapse(secs(10)).await;
    let lines = logged();
    assert_eq!(with_text(&lines, "poisoned lock"), 1, "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_result_that_became_stale_is_logged_with_that_reason() {
    logged();
    let check = passing("db").while_probed(std::time::Duration::from_secs(1));
    let _health = steady().readiness(check).start().unwrap();
    settle().await;
    logged();
    lapse(secs(600)).await;
    let lines = logged();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!(lines[0].get("subject"), "readiness");
    assert!(
        lines[0].get("output").starts_with("db: stale: "),
        "{lines:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_that_does_not_count_is_logged_with_the_reason_and_the_lateness() {
    logged();
    let script = [Step::pass(), Step::fail("refused\n"), Step::pass()];
    let _health = steady()
        .readiness(ScriptedIndicator::new("db", script))
        .start()
        .unwrap();
    settle().await;
    logged();
    advance(secs(30)).await;
    settle().await;
    let lines = logged();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!(lines[0].level, Level::WARN);
    assert_eq!(lines[0].get("subject"), "readiness/db");
    assert_eq!(lines[0].get("cause"), "starved");
    assert_eq!(lines[0].get("late_seconds"), "29.05");
    assert_eq!(lines[0].get("output"), "refused\\n");
}

// A process that drains is about to end.
#[test]
fn the_end_of_the_runtime_is_logged_unless_the_process_drains() {
    for (drains, lines) in [(false, 1), (true, 0)] {
        logged();
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let health = steady().start_on(runtime.handle()).unwrap();
        if drains {
            health.drain();
        }
        drop(runtime);
        assert_eq!(with_text(&logged(), "the health refresher is gone"), lines);
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_is_logged_once_with_its_reason() {
    logged();
    let health = steady().readiness(passing("db")).start().unwrap();
    settle().await;
    logged();
    health.drain();
    lapse(secs(10)).await;
    let lines = logged();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!(lines[0].get("output"), "draining");
}

#[tokio::test(start_paused = true)]
async fn no_text_forges_a_line_of_the_log() {
    logged();
    let forged = "refused\r\n2026-01-01T00:00:00Z  INFO health recovered\u{2028}\u{85}\u{1b}[2J\0";
    let db = Dial::at(Ok(Observation::warn(forged)));
    let health = steady()
        .gate(String::from("gate"))
        .readiness(db.check("db"))
        .start()
        .unwrap();
    health.gate("gate").unwrap().fail(forged);
    settle().await;
    db.turn(Err(forged.into()));
    lapse(secs(1)).await;
    health.mark_broken(forged);
    health.refuse_traffic(forged);
    settle().await;
    let lines = logged();
    assert!(with_text(&lines, "health recovered") >= 4, "{lines:#?}");
    for line in lines {
        for (field, text) in &line.fields {
            let breaks = |c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}';
            assert!(!text.contains(breaks), "{field}: {text:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_is_redacted() {
    logged();
    let health = steady()
        .gate("gate")
        .readiness(failing("db", "postgres://app:hunter2@db/main"))
        .start()
        .unwrap();
    health.gate("gate").unwrap().fail("password=hunter2");
    health.mark_broken("token=hunter2");
    settle().await;
    let lines = logged();
    assert_eq!(with_text(&lines, "hunter2"), 0, "{lines:#?}");
    assert_eq!(with_text(&lines, "postgres://***@db/main"), 1, "{lines:#?}");
}
