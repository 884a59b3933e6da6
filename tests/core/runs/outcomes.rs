//! How each run ended, as counters, samples and minutes say it.

use std::time::Duration;

use tokio::time::advance;
use tower_health::test_util::{ScriptedIndicator, Step};
use tower_health::{Check, Health, Probe, RunOutcome, Status};

use crate::support::{lapse, millis, secs, settle, steady};

fn started(steps: impl IntoIterator<Item = Step>) -> Health {
    let check = Check::new(ScriptedIndicator::new("db", steps)).timeout(secs(2));
    steady().readiness(check).start().unwrap()
}

fn counted(health: &Health) -> Vec<u64> {
    let snapshot = health.snapshot();
    let check = snapshot.checks(Probe::Readiness).next().unwrap();
    let outcomes = RunOutcome::ALL.iter();
    outcomes
        .map(|outcome| check.stats().runs(*outcome))
        .collect()
}

fn samples(health: &Health) -> Vec<(RunOutcome, Duration)> {
    let runs = health.runs(Probe::Readiness, "db").unwrap();
    let samples = runs.samples();
    samples.map(|run| (run.outcome(), run.duration())).collect()
}

#[tokio::test(start_paused = true)]
async fn each_run_counts_as_what_it_was_before_thresholds() {
    use RunOutcome::*;
    let steps = [
        Step::pass(),
        Step::warn("slow").after(millis(30)),
        Step::fail("refused"),
        Step::panic("poisoned"),
        Step::hang(),
        Step::pass(),
    ];
    let check = Check::new(ScriptedIndicator::new("db", steps))
        .timeout(millis(200))
        .failure_threshold(10);
    let health = steady().readiness(check).start().unwrap();
    lapse(millis(5_400)).await;
    // The failures were too few to count.
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
    let expected = [
        (Pass, millis(0)),
        (Warn, millis(30)),
        (Fail, millis(0)),
        (Panic, millis(0)),
        (Timeout, millis(200)),
        (Pass, millis(0)),
    ];
    assert_eq!(samples(&health)[..6], expected);
    let runs = samples(&health).len() as u64;
    assert_eq!(counted(&health), [runs - 4, 1, 1, 1, 1, 0]);

    let snapshot = health.snapshot();
    let stats = *snapshot.checks(Probe::Readiness).next().unwrap().stats();
    assert_eq!(stats.durations().count(), runs);
    assert_eq!(
        (stats.durations().max(), stats.durations().sum()),
        (millis(200), millis(230))
    );
    let history = health.runs(Probe::Readiness, "db").unwrap();
    let in_minutes = RunOutcome::ALL.iter().map(|outcome| {
        let minutes = history
            .minutes()
            .map(|minute| u64::from(minute.runs(*outcome)));
        minutes.sum::<u64>()
    });
    assert_eq!(in_minutes.collect::<Vec<_>>(), counted(&health));
}

// The process is paused for half a minute within the second run, which then fails.
#[tokio::test(start_paused = true)]
async fn a_run_that_failed_while_the_refresher_was_late_is_starved_and_no_failure() {
    use RunOutcome::*;
    let refused = Step::fail("refused").after(millis(100));
    let health = started([Step::pass(), refused, Step::pass()]);
    lapse(millis(1_020)).await;
    advance(secs(30)).await;
    settle().await;
    assert_eq!(counted(&health), [2, 0, 0, 0, 0, 1]);
    let outcomes: Vec<_> = samples(&health)
        .into_iter()
        .map(|(outcome, _)| outcome)
        .collect();
    assert_eq!(outcomes, [Pass, Starved, Pass]);
    // The pause is not in its duration.
    assert!(
        samples(&health)[1].1 < millis(200),
        "{:?}",
        samples(&health)
    );
    assert_eq!(health.lateness().starved_runs, 1);
    let changes = health.history();
    assert!(
        changes.iter().all(|change| change.cause.is_none()),
        "{changes:?}"
    );
}

// All of the pause is excused, but the run then has its timeout and does not end.
#[tokio::test(start_paused = true)]
async fn a_timeout_after_a_pause_lasts_as_long_as_the_process_ran() {
    let health = started([Step::pass(), Step::hang()]);
    lapse(millis(1_500)).await;
    advance(secs(30)).await;
    lapse(secs(3)).await;
    let (outcome, took) = samples(&health)[1];
    assert_eq!(outcome, RunOutcome::Timeout);
    assert!((millis(1_950)..millis(2_150)).contains(&took), "{took:?}");
    let failed = health
        .history()
        .into_iter()
        .find(|change| change.cause.is_some());
    let failed = failed.unwrap();
    assert_eq!(
        failed.duration.map(|took| took.as_millis()),
        Some(took.as_millis())
    );
    assert!(failed.lateness > secs(29), "{:?}", failed.lateness);
    assert_eq!(failed.consecutive_failures, 1);
}

// The longest lateness that is excused is used up by the pause, so the run had less than its timeout.
#[tokio::test(start_paused = true)]
async fn a_timeout_that_only_a_pause_caused_is_starved() {
    let health = started([Step::pass(), Step::hang(), Step::pass()]);
    lapse(millis(1_500)).await;
    advance(secs(300)).await;
    lapse(millis(500)).await;
    let outcomes: Vec<_> = samples(&health)
        .into_iter()
        .map(|(outcome, _)| outcome)
        .collect();
    assert_eq!(
        outcomes[..3],
        [RunOutcome::Pass, RunOutcome::Starved, RunOutcome::Pass]
    );
}
