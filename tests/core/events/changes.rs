//! The fields of the line about a change: those that apply, and no other.

use std::time::Duration;

use tokio::time::advance;
use tower_health::test_util::{ScriptedIndicator, Step};
use tower_health::{Check, Health};
use tracing::Level;

use crate::support::log::{Line, logged};
use crate::support::{lapse, millis, secs, settle, steady};

fn started(steps: impl IntoIterator<Item = Step>) -> Health {
    logged();
    let check = Check::new(ScriptedIndicator::new("db", steps)).timeout(secs(2));
    steady().readiness(check).start().unwrap()
}

fn fields(line: &Line) -> Vec<(&str, &str)> {
    let fields = line.fields.iter();
    fields.map(|(name, text)| (*name, &**text)).collect()
}

/// The lines about the check, and those about the probe.
fn lines() -> (Vec<Line>, Vec<Line>) {
    let lines = logged().into_iter();
    lines.partition(|line| line.get("subject") == "readiness/db")
}

#[tokio::test(start_paused = true)]
async fn a_first_pass_and_a_recovery_have_the_check_the_probe_and_the_duration() {
    let slow = Step::pass().after(millis(250));
    let _health = started([slow, Step::fail("refused"), Step::pass()]);
    lapse(millis(300)).await;
    let (check, probe) = lines();
    let expected = [
        ("check", "db"),
        ("duration_seconds", "0.25"),
        ("message", "first health check result"),
        ("probe", "readiness"),
        ("subject", "readiness/db"),
        ("to", "pass"),
    ];
    assert_eq!(fields(&check[0]), expected);
    let expected = [
        ("from", "fail"),
        ("message", "health recovered"),
        ("probe", "readiness"),
        ("subject", "readiness"),
        ("to", "pass"),
    ];
    assert_eq!(fields(&probe[0]), expected);

    lapse(secs(2)).await;
    let (check, _) = lines();
    let [_, recovered] = &check[..] else {
        panic!("{check:#?}")
    };
    let expected = [
        ("check", "db"),
        ("duration_seconds", "0.0"),
        ("from", "fail"),
        ("message", "health recovered"),
        ("probe", "readiness"),
        ("subject", "readiness/db"),
        ("to", "pass"),
    ];
    assert_eq!(
        (recovered.level, &fields(recovered)[..]),
        (Level::INFO, &expected[..])
    );
}

// threshold: 3
// db:        pass  fail  fail  fail
#[tokio::test(start_paused = true)]
async fn a_failure_says_how_many_runs_in_a_row_have_failed() {
    logged();
    let steps = [Step::pass(), Step::fail("refused")];
    let check = Check::new(ScriptedIndicator::new("db", steps)).failure_threshold(3);
    let _health = steady().readiness(check).start().unwrap();
    settle().await;
    logged();
    lapse(secs(10)).await;
    let (check, probe) = lines();
    let expected = [
        ("cause", "failed"),
        ("check", "db"),
        ("consecutive_failures", "3"),
        ("duration_seconds", "0.0"),
        ("from", "pass"),
        ("message", "health changed"),
        ("output", "refused"),
        ("probe", "readiness"),
        ("subject", "readiness/db"),
        ("to", "fail"),
    ];
    assert_eq!(fields(&check[0]), expected);
    assert_eq!((check.len(), check[0].level), (1, Level::WARN));
    // What only a run has is not in the line of the probe.
    for field in ["check", "duration_seconds", "consecutive_failures"] {
        assert_eq!(probe[0].get(field), "", "{field}");
    }
}

// A run that is paused for half a minute, and then times out by itself.
#[tokio::test(start_paused = true)]
async fn a_change_says_by_how_much_the_refresher_was_late_during_the_run() {
    let health = started([Step::pass(), Step::hang()]);
    settle().await;
    lapse(secs(1)).await;
    logged();
    advance(secs(30)).await;
    lapse(secs(3)).await;
    let (check, _) = lines();
    let failed = check.iter().find(|line| line.get("to") == "fail").unwrap();
    let late: f64 = failed.get("late_seconds").parse().unwrap();
    let took: f64 = failed.get("duration_seconds").parse().unwrap();
    assert!((29.0..=30.0).contains(&late), "{late}");
    assert!((2.0..2.1).contains(&took), "{took}");

    let change = health.history();
    let failed = change.iter().find(|change| change.cause.is_some()).unwrap();
    assert_eq!(failed.lateness.as_secs_f64(), late);
    assert_eq!(
        failed.duration.unwrap_or(Duration::ZERO).as_secs_f64(),
        took
    );
    assert_eq!(failed.consecutive_failures, 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_that_does_not_count_names_its_check_and_probe() {
    let _health = started([Step::pass(), Step::fail("refused"), Step::pass()]);
    settle().await;
    logged();
    advance(secs(30)).await;
    settle().await;
    let (check, _) = lines();
    assert_eq!(
        (check[0].get("check"), check[0].get("probe")),
        ("db", "readiness")
    );
}
