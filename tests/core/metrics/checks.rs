//! The series of a check through its life.

use tower_health::{Check, Criticality, Health, Status, indicator_fn};

use super::scrape::{scrape, value};
use crate::support::{Dial, lapse, secs, settle, steady};

const STATES: [&str; 4] = ["pass", "warn", "fail", "unknown"];

/// The states of the check `db` that are 1.
fn states(health: &Health) -> Vec<&'static str> {
    let samples = scrape(health);
    let is_on = |state: &&str| {
        let series =
            format!(r#"health_check_state{{check="db",probe="readiness",state="{state}"}}"#);
        samples[&series] == 1.0
    };
    STATES.into_iter().filter(is_on).collect()
}

fn of_db(health: &Health, metric: &str, more: &str) -> f64 {
    value(
        health,
        &format!(r#"{metric}{{check="db",probe="readiness"{more}}}"#),
    )
}

// run:    1     2     3     4
// db:     pass  warn  fail  pass
#[tokio::test(start_paused = true)]
async fn exactly_one_state_of_a_check_is_set_at_any_time() {
    let db = Dial::pass();
    let health = steady().readiness(db.check("db")).start().unwrap();
    assert_eq!(states(&health), ["unknown"]);
    settle().await;
    assert_eq!(states(&health), ["pass"]);
    for (status, state) in [
        (Status::Warn, "warn"),
        (Status::Fail, "fail"),
        (Status::Pass, "pass"),
    ] {
        db.turn(status);
        lapse(secs(1)).await;
        settle().await;
        assert_eq!(states(&health), [state]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_not_critical_is_a_warning_whose_runs_failed() {
    let db = Dial::at(Status::Fail).check("db");
    let db = db.criticality(Criticality::NonCritical);
    let health = steady().readiness(db).start().unwrap();
    settle().await;
    assert_eq!(states(&health), ["warn"]);
    let runs = |outcome| {
        let label = format!(r#",outcome="{outcome}""#);
        of_db(&health, "health_check_runs_total", &label)
    };
    assert_eq!((runs("fail"), runs("warn")), (1.0, 0.0));
}

#[tokio::test(start_paused = true)]
async fn runs_are_counted_by_their_outcome() {
    let mut run = 0;
    let script = std::sync::Mutex::new(move || {
        run += 1;
        run
    });
    let db = Check::new(indicator_fn("db", move || {
        let run = script.lock().unwrap()();
        async move {
            match run {
                1 => Ok(()),
                2 => Err("refused"),
                3 => std::future::pending().await,
                4 => panic!("a bug"),
                _ => Ok(()),
            }
        }
    }));
    let health = steady().readiness(db.timeout(secs(2))).start().unwrap();
    lapse(secs(8)).await;
    let failing = "health_check_consecutive_failures";
    assert_eq!(of_db(&health, failing, ""), 0.0);
    for (outcome, count) in [
        ("fail", 1.0),
        ("timeout", 1.0),
        ("panic", 1.0),
        ("starved", 0.0),
    ] {
        let label = format!(r#",outcome="{outcome}""#);
        assert_eq!(
            of_db(&health, "health_check_runs_total", &label),
            count,
            "{outcome}"
        );
    }
    let transitions = |to| {
        let label = format!(r#",to="{to}""#);
        of_db(&health, "health_check_transitions_total", &label)
    };
    assert_eq!((transitions("pass"), transitions("fail")), (2.0, 1.0));
    // The timeout is in the bucket between one second and two and a half.
    let bucket = |bound| {
        let label = format!(r#",le="{bound}""#);
        let samples = scrape(&health);
        let series = |labels: &str| format!("health_check_run_duration_seconds_bucket{{{labels}}}");
        samples[&series(&format!(r#"{},check="db",probe="readiness""#, &label[1..]))]
    };
    assert_eq!(bucket("2.5") - bucket("1.0"), 1.0);
    assert_eq!(
        bucket("+Inf"),
        of_db(&health, "health_check_run_duration_seconds_count", "")
    );
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_is_stale_and_has_its_last_result() {
    let hung = std::sync::atomic::AtomicBool::new(false);
    let db = Check::new(indicator_fn("db", move || {
        let hangs = hung.swap(true, std::sync::atomic::Ordering::Relaxed);
        async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            Ok::<_, &str>(())
        }
    }));
    let db = db.timeout(secs(600)).stale_after(secs(5));
    let health = steady().readiness(db).start().unwrap();
    settle().await;
    let stale = "health_check_stale";
    let timestamp = || of_db(&health, "health_check_last_result_timestamp_seconds", "");
    let first = timestamp();
    assert_eq!(
        (of_db(&health, stale, ""), states(&health)),
        (0.0, vec!["pass"])
    );
    lapse(secs(10)).await;
    assert_eq!(
        (of_db(&health, stale, ""), states(&health)),
        (1.0, vec!["fail"])
    );
    assert_eq!(timestamp(), first);
    assert!(first > 1.7e9);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_is_removed_disappears() {
    let health = steady()
        .readiness(Dial::pass().check("db"))
        .readiness(Dial::pass().check("cache"))
        .start()
        .unwrap();
    settle().await;
    let of = |check: &str| {
        let label = format!(r#""{check}""#);
        let samples = scrape(&health);
        samples
            .keys()
            .filter(|series| series.contains(&label))
            .count()
    };
    assert_eq!((of("db"), of("cache")), (34, 34));
    health.remove_readiness("db").await.unwrap();
    assert_eq!((of("db"), of("cache")), (0, 34));
}

#[tokio::test(start_paused = true)]
async fn a_check_without_a_result_has_no_time_of_one() {
    let health = steady()
        .readiness(Dial::pass().check("db"))
        .start()
        .unwrap();
    let has_time = |health: &Health| {
        let samples = scrape(health);
        samples
            .keys()
            .any(|series| series.contains("last_result_timestamp"))
    };
    assert!(!has_time(&health));
    settle().await;
    assert!(has_time(&health));
}

/// Otherwise Prometheus refuses the whole scrape.
#[tokio::test(start_paused = true)]
async fn two_probes_may_have_a_check_of_the_same_name() {
    let health = steady()
        .readiness(Dial::pass().check("db"))
        .startup(Dial::at(Status::Fail).check("db"))
        .start()
        .unwrap();
    settle().await;
    let state = |probe, state| {
        let labels = format!(r#"check="db",probe="{probe}",state="{state}""#);
        value(&health, &format!("health_check_state{{{labels}}}"))
    };
    assert_eq!(
        (state("readiness", "pass"), state("startup", "fail")),
        (1.0, 1.0)
    );
}

#[tokio::test(start_paused = true)]
async fn the_moment_of_start_and_the_end_of_startup_are_shown() {
    let health = steady().gate("migrations").start().unwrap();
    assert_eq!(value(&health, "health_started"), 0.0);
    health.gate("migrations").unwrap().complete();
    settle().await;
    assert_eq!(value(&health, "health_started"), 1.0);
    assert!(value(&health, "health_start_time_seconds") > 1.7e9);
    assert_eq!(value(&health, "health_refresher_running"), 1.0);
    assert_eq!(value(&health, "health_refresher_restarts_total"), 0.0);
}
