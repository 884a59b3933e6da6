//! Panics of users' code: each becomes a failure with its message, and stops nothing else.
//!
//! Ports U4 of the peers' tables. A panic in a details predicate or in a format is the exposure
//! tests' business.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::{Future, pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::sleep;
use tower_health::{
    Check, CheckResult, Health, HealthIndicator, Observation, Status, indicator_fn,
};

use super::bombs::{Bomb, BombOfBombs};
use super::support::{PASSED, Script, failed, hang, panics, readiness, seen};
use crate::support::{lapse, millis, secs, settle, steady};

/// Panics before there is a future.
struct PanicsBeforeItsFuture;

impl HealthIndicator for PanicsBeforeItsFuture {
    fn name(&self) -> &str {
        "db"
    }

    fn check(&self) -> impl Future<Output = CheckResult> + Send {
        if self.name() == "db" {
            panic!("no future");
        }
        ready(Ok(Observation::pass()))
    }
}

/// An error of which nothing can be printed.
#[derive(Debug)]
struct Unprintable;

impl fmt::Display for Unprintable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("unprintable")
    }
}

impl Error for Unprintable {}

#[derive(Debug)]
struct BottomlessError;

impl fmt::Display for BottomlessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bottomless")
    }
}

impl Error for BottomlessError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        panic!("no source")
    }
}

fn panics_with(payload: fn() -> Box<dyn Any + Send>) -> Check {
    Check::new(indicator_fn("db", move || async move {
        std::panic::resume_unwind(payload());
        #[expect(unreachable_code, reason = "says the type")]
        Ok::<(), String>(())
    }))
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_check_is_a_failure_with_its_message() {
    let cases: [(&str, Check, &str); 9] = [
        (
            "before there is a future",
            PanicsBeforeItsFuture.into(),
            "panicked: no future",
        ),
        (
            "before an await",
            Script::new([panics("early")]).check("db"),
            "panicked: early",
        ),
        (
            "after an await",
            Script::new([panics("late").after(millis(10))]).check("db"),
            "panicked: late",
        ),
        (
            "a literal as payload",
            panics_with(|| Box::new("literal")),
            "panicked: literal",
        ),
        (
            "a payload that is no text",
            panics_with(|| Box::new(7)),
            "panicked",
        ),
        (
            "a payload that panics when it is dropped",
            panics_with(|| Box::new(Bomb)),
            "panicked",
        ),
        (
            "a payload that panics when it is dropped with one that does",
            panics_with(|| Box::new(BombOfBombs)),
            "panicked",
        ),
        (
            "an error that cannot be printed",
            indicator_fn("db", || ready(Err::<(), _>(Unprintable))).into(),
            "panicked: unprintable",
        ),
        (
            "an error whose source panics",
            indicator_fn("db", || ready(Err::<(), _>(BottomlessError))).into(),
            "panicked: no source",
        ),
    ];
    for (name, check, output) in cases {
        let other = Script::passing();
        let health = steady()
            .readiness(check)
            .readiness(other.check("other"))
            .start()
            .unwrap();
        for second in 1..=3 {
            settle().await;
            assert_eq!(seen(&health, "db"), failed(output), "{name}");
            assert_eq!(seen(&health, "other"), PASSED, "{name}");
            assert_eq!(other.runs(), second, "{name}");
            lapse(millis(950)).await;
        }
        assert_eq!(health.refresher_restarts(), 0, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_panicked_runs_again_on_its_ttl_and_recovers() {
    let db = Script::new([panics("one"), panics("two"), super::support::pass()]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    assert_eq!(seen(&health, "db"), failed("panicked: one"));
    lapse(secs(1)).await;
    assert_eq!(seen(&health, "db"), failed("panicked: two"));
    lapse(secs(1)).await;
    assert_eq!(seen(&health, "db"), PASSED);
    assert_eq!(db.starts(), [0, 1, 2].map(secs));
}

/// What a check leaves behind panics when it is dropped; the check itself never ends, or at once.
fn littering<D: Send + Sync + 'static>(
    runs: &Arc<AtomicUsize>,
    drops: fn() -> D,
    ends: bool,
) -> Check {
    let runs = Arc::clone(runs);
    Check::new(indicator_fn("db", move || {
        runs.fetch_add(1, Ordering::Relaxed);
        async move {
            let _litter = drops();
            if !ends {
                pending::<()>().await;
            }
            // Dropped with the future when the run is aborted, and before its end otherwise.
            Ok::<_, String>(())
        }
    }))
}

#[tokio::test(start_paused = true)]
async fn a_future_that_panics_when_it_is_aborted_only_timed_out() {
    let health_of = |check: Check| steady().readiness(check.timeout(secs(2))).start().unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    for (name, check) in [
        ("a text", littering(&runs, || Bomb, false)),
        ("a bomb", littering(&runs, || BombOfBombs, false)),
    ] {
        runs.store(0, Ordering::Relaxed);
        let health = health_of(check);
        lapse(millis(2_050)).await;
        assert_eq!(seen(&health, "db"), failed("timed out after 2s"), "{name}");
        lapse(secs(6)).await;
        assert_eq!(runs.load(Ordering::Relaxed), 3, "{name}");
        assert_eq!(health.refresher_restarts(), 0, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_panics_at_the_end_of_a_check_fails_it() {
    let runs = Arc::new(AtomicUsize::new(0));
    for (check, output) in [
        (littering(&runs, || Bomb, true), "panicked: dropped"),
        (littering(&runs, || BombOfBombs, true), "panicked"),
    ] {
        runs.store(0, Ordering::Relaxed);
        let health = steady().readiness(check).start().unwrap();
        lapse(millis(2_050)).await;
        assert_eq!(seen(&health, "db"), failed(output));
        assert_eq!(runs.load(Ordering::Relaxed), 3);
        assert_eq!(health.refresher_restarts(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_removed_check_that_panics_when_it_is_aborted_harms_nothing_else() {
    let runs = Arc::new(AtomicUsize::new(0));
    let other = Script::passing();
    let health = steady()
        .readiness(littering(&runs, || BombOfBombs, false))
        .readiness(other.check("other"))
        .start()
        .unwrap();
    settle().await;
    health.remove_readiness("db").await.unwrap();
    lapse(secs(3)).await;
    assert_eq!((readiness(&health), other.runs()), (Status::Pass, 4));
    assert_eq!(health.refresher_restarts(), 0);
}

/// Panics when it is dropped itself.
struct PanicsWhenDropped(&'static str, Bomb);

impl HealthIndicator for PanicsWhenDropped {
    fn name(&self) -> &str {
        self.0
    }

    async fn check(&self) -> CheckResult {
        Ok(Observation::pass())
    }
}

#[tokio::test(start_paused = true)]
async fn indicators_that_panic_when_they_are_dropped_harm_nothing_else() {
    let other = Script::passing();
    let health = steady()
        .readiness(PanicsWhenDropped("one", Bomb))
        .readiness(PanicsWhenDropped("two", Bomb))
        .readiness(PanicsWhenDropped("three", Bomb))
        .readiness(other.check("other"))
        .start()
        .unwrap();
    settle().await;
    health.remove_readiness("one").await.unwrap();
    lapse(secs(2)).await;
    assert_eq!((readiness(&health), other.runs()), (Status::Pass, 3));
    assert_eq!(health.refresher_restarts(), 0);

    drop(health);
    settle().await;
    assert_eq!(
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks(),
        0
    );
}

struct PanicsWhenAsked(&'static str);

impl HealthIndicator for PanicsWhenAsked {
    fn name(&self) -> &str {
        assert_ne!(self.0, "name", "asked for its name");
        "db"
    }

    async fn check(&self) -> CheckResult {
        Ok(Observation::pass())
    }

    fn ttl(&self) -> Option<std::time::Duration> {
        assert_ne!(self.0, "ttl", "asked for its TTL");
        None
    }
}

#[tokio::test(start_paused = true)]
async fn an_indicator_that_panics_at_registration_cannot_be_registered() {
    let health = Health::builder().start().unwrap();
    for (what, message) in [("name", "asked for its name"), ("ttl", "asked for its TTL")] {
        let built = steady().readiness(PanicsWhenAsked(what)).start();
        let added = health.add_readiness(PanicsWhenAsked(what)).await;
        for error in [built.unwrap_err(), added.unwrap_err()] {
            assert!(error.is_name(), "{error}");
            let text = error.to_string();
            assert!(
                text.contains("readiness check") && text.contains(message),
                "{text}"
            );
        }
    }
    assert_eq!(readiness(&health), Status::Pass);
}

#[tokio::test(start_paused = true)]
async fn a_panic_after_the_timeout_comes_too_late_to_be_reported() {
    let db = Check::new(indicator_fn("db", || async {
        sleep(secs(30)).await;
        panic!("never seen");
        #[expect(unreachable_code, reason = "says the type")]
        Ok::<(), String>(())
    }));
    let health = steady()
        .readiness(db)
        .readiness(Script::new([hang()]).check("hung"))
        .start()
        .unwrap();
    lapse(secs(40)).await;
    assert_eq!(seen(&health, "db"), failed("timed out after 5s"));
}
