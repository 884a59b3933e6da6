//! What a check says of itself: since when, the last pass, its counters, and what contradicts it.

use std::time::{Duration, SystemTime};

use tower_health::test_util::{ScriptedIndicator, Step};
use tower_health::{
    Cause, Check, CheckState, ComponentType, Criticality, Health, OnTimeout, Probe, RunOutcome,
    Status, Subject,
};

use crate::support::{Dial, lapse, millis, secs, settle, steady};

fn state(health: &Health) -> CheckState {
    let snapshot = health.snapshot();
    snapshot.checks(Probe::Readiness).next().unwrap().clone()
}

/// Runs the check once more, with this result.
async fn run(health: &Health, dial: &Dial, status: Status) -> CheckState {
    dial.turn(status);
    health.run_now("db").await.unwrap();
    state(health)
}

fn on_demand(check: Check) -> Health {
    steady().ttl(secs(3_600)).readiness(check).start().unwrap()
}

#[tokio::test(start_paused = true)]
async fn before_the_first_run_nothing_is_known() {
    let check = ScriptedIndicator::new("db", [Step::hang()]);
    let health = steady().readiness(check).start().unwrap();
    settle().await;
    let state = state(&health);
    assert_eq!(
        (state.since(), state.last_pass(), state.contradiction()),
        (None, None, None)
    );
    assert_eq!(state.stats(), &tower_health::RunStats::default());
    assert_eq!(state.stats().durations().quantile(0.5), None);
    assert!(health.runs(Probe::Readiness, "db").is_none());
}

// db:     pass  fail  fail  pass  warn
// since:  0     1     1     3     4
#[tokio::test]
async fn since_is_the_run_that_gave_the_status_and_the_last_pass_that_of_any_pass() {
    let dial = Dial::pass();
    let health = on_demand(dial.check("db"));
    health.await_ready().await.unwrap();
    let first = state(&health);
    assert_eq!(
        (first.since(), first.last_pass()),
        (first.time(), first.time())
    );
    let passed = run(&health, &dial, Status::Pass).await;
    assert_eq!(
        (passed.since(), passed.last_pass()),
        (first.time(), passed.time())
    );

    let failed = run(&health, &dial, Status::Fail).await;
    assert_eq!(
        (failed.since(), failed.last_pass()),
        (failed.time(), passed.time())
    );
    let again = run(&health, &dial, Status::Fail).await;
    assert_eq!(
        (again.since(), again.last_pass()),
        (failed.time(), passed.time())
    );
    assert!(again.time() > failed.time());

    let warned = run(&health, &dial, Status::Warn).await;
    assert_eq!(
        (warned.since(), warned.last_pass()),
        (warned.time(), warned.time())
    );
    let passed = run(&health, &dial, Status::Pass).await;
    assert_eq!(
        (passed.since(), passed.last_pass()),
        (passed.time(), passed.time())
    );
    assert!(passed.since().unwrap() <= SystemTime::now());
}

#[tokio::test(start_paused = true)]
async fn counters_hold_runs_changes_and_failures_in_a_row() {
    let dial = Dial::pass();
    let health = on_demand(dial.check("db"));
    health.await_ready().await.unwrap();
    let all = |state: &CheckState| {
        [Status::Pass, Status::Warn, Status::Fail].map(|to| state.stats().transitions(to))
    };
    let mut failures = Vec::new();
    for status in [
        Status::Fail,
        Status::Fail,
        Status::Fail,
        Status::Warn,
        Status::Fail,
        Status::Pass,
    ] {
        let state = run(&health, &dial, status).await;
        failures.push(state.stats().consecutive_failures());
    }
    assert_eq!(failures, [1, 2, 3, 0, 1, 0]);
    let state = state(&health);
    // The first result counts as a change.
    assert_eq!(all(&state), [2, 1, 2]);
    assert_eq!(state.stats().runs(RunOutcome::Fail), 4);
    let of_check = |subject: &Subject| matches!(subject, Subject::Check { .. });
    let changes = health.history();
    let of_check: Vec<_> = changes
        .iter()
        .filter(|change| of_check(&change.subject))
        .collect();
    let failures: Vec<_> = of_check
        .iter()
        .map(|change| change.consecutive_failures)
        .collect();
    assert_eq!(failures, [0, 1, 0, 1, 0]);
    assert!(
        of_check
            .iter()
            .all(|change| change.duration == Some(Duration::ZERO))
    );
    for change in changes
        .iter()
        .filter(|change| matches!(change.subject, Subject::Probe(_)))
    {
        assert_eq!((change.duration, change.consecutive_failures), (None, 0));
        assert_eq!(change.lateness, Duration::ZERO);
    }
}

// A non-critical check warns, but its runs have failed.
#[tokio::test(start_paused = true)]
async fn changes_count_with_the_criticality_and_runs_without_it() {
    let dial = Dial::at(Status::Fail);
    let health = on_demand(dial.check("db").criticality(Criticality::NonCritical));
    settle().await;
    let stats = *state(&health).stats();
    assert_eq!(
        (
            stats.transitions(Status::Warn),
            stats.transitions(Status::Fail)
        ),
        (1, 0)
    );
    assert_eq!(
        (stats.runs(RunOutcome::Fail), stats.consecutive_failures()),
        (1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn results_that_are_too_few_for_another_status_contradict_the_present_one() {
    let dial = Dial::pass();
    let check = dial.check("db").failure_threshold(3).success_threshold(2);
    let health = on_demand(check);
    health.await_ready().await.unwrap();
    let mut seen = Vec::new();
    for status in [
        Status::Fail,
        Status::Fail,
        Status::Fail,
        Status::Pass,
        Status::Pass,
    ] {
        let state = run(&health, &dial, status).await;
        let contradiction = state.contradiction().unwrap_or("none").to_owned();
        seen.push(format!("{}: {contradiction}", state.status()));
    }
    assert_eq!(
        seen,
        [
            "pass: failed 1 of 3 times: refused",
            "pass: failed 2 of 3 times: refused",
            "fail: none",
            "fail: passed 1 of 2 times",
            "pass: none",
        ]
    );
}

// A status that only its age gave it is no change of the check.
#[tokio::test(start_paused = true)]
async fn a_check_that_is_stale_keeps_its_since_and_its_counters() {
    let script = ScriptedIndicator::new("db", [Step::pass()]);
    let check = Check::new(script).while_probed(secs(1));
    let health = steady().readiness(check).start().unwrap();
    settle().await;
    let fresh = state(&health);
    lapse(secs(60)).await;
    let stale = state(&health);
    assert!(stale.is_stale());
    assert_eq!(
        (stale.status(), stale.cause()),
        (Status::Fail, Some(Cause::Stale))
    );
    assert_eq!(
        (stale.since(), stale.last_pass()),
        (fresh.since(), fresh.last_pass())
    );
    assert_eq!(stale.stats(), fresh.stats());
}

#[tokio::test(start_paused = true)]
async fn a_check_tells_its_settings_and_its_detached_runs() {
    let check = Check::new(ScriptedIndicator::new("db", [Step::hang()]))
        .timeout(millis(300))
        .component_type(ComponentType::Datastore)
        .affected_endpoint("/orders")
        .link("runbook", "https://example.org/db")
        .link("about", "https://example.org/about")
        .on_timeout(OnTimeout::Detach);
    let health = steady().readiness(check).start().unwrap();
    lapse(millis(400)).await;
    let state = state(&health);
    assert_eq!(state.timeout(), millis(300));
    assert_eq!(state.component_type(), Some(&ComponentType::Datastore));
    assert_eq!(state.affected_endpoints(), ["/orders"]);
    let links: Vec<_> = state.links().collect();
    let expected = [
        ("about", "https://example.org/about"),
        ("runbook", "https://example.org/db"),
    ];
    assert_eq!(links, expected);
    assert_eq!(state.detached_runs(), 1);
    assert_eq!(state.stats().runs(RunOutcome::Timeout), 1);
}

#[tokio::test]
async fn a_snapshot_tells_the_environment_the_start_and_the_drain() {
    let before = SystemTime::now();
    let health = steady().environment("production").start().unwrap();
    let snapshot = health.snapshot();
    assert_eq!(snapshot.environment(), Some("production"));
    assert!(snapshot.started() >= before && snapshot.started() <= SystemTime::now());
    assert!(!snapshot.is_draining());
    health.drain();
    let later = health.snapshot();
    assert!(later.is_draining());
    assert_eq!(later.started(), snapshot.started());
    assert!(later.uptime() >= snapshot.uptime());
    assert_eq!(health.config().environment.as_deref(), Some("production"));
    assert_eq!(Health::fixed(Status::Pass).snapshot().environment(), None);
}

#[tokio::test(start_paused = true)]
async fn the_uptime_follows_the_clock_of_the_health() {
    let health = steady()
        .readiness(Dial::pass().check("db"))
        .start()
        .unwrap();
    lapse(secs(90)).await;
    let uptime = health.snapshot().uptime();
    assert!((secs(88)..=secs(90)).contains(&uptime), "{uptime:?}");
}
