//! A run that is slow is logged while it still goes on, and once for each row of slow runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use tokio::time::{advance, sleep};
use tower_health::{Check, Health, HealthBuilder, indicator_fn};
use tracing::Level;

use crate::support::log::{Line, logged};
use crate::support::{lapse, millis, secs, settle, steady};

/// A dependency whose answer takes as long as the test says.
#[derive(Clone, Default)]
struct Pace(Arc<AtomicU64>);

impl Pace {
    fn new(millis: u64) -> Self {
        let pace = Self::default();
        pace.set(millis);
        pace
    }

    fn set(&self, millis: u64) {
        self.0.store(millis, Ordering::Relaxed);
    }

    /// A check whose runs may take 2 s.
    fn check(&self, name: &str) -> Check {
        let pace = self.clone();
        let check = Check::new(indicator_fn(name, move || {
            let takes = pace.0.load(Ordering::Relaxed);
            async move {
                sleep(millis(takes)).await;
                Ok::<_, std::io::Error>(())
            }
        }));
        check.timeout(secs(2))
    }
}

fn start(builder: HealthBuilder) -> Health {
    logged();
    builder.start().unwrap()
}

fn slow_lines() -> Vec<Line> {
    let lines = logged().into_iter();
    lines
        .filter(|line| line.contains("slow") || line.contains("fast again"))
        .collect()
}

fn messages() -> Vec<String> {
    let lines = slow_lines();
    let message = |line: &Line| line.get("message").to_owned();
    lines.iter().map(message).collect()
}

const SLOW: &str = "a health check is slow: its run still goes on";
const FAST: &str = "a health check is fast again";

#[tokio::test(start_paused = true)]
async fn a_run_is_slow_while_it_still_goes_on_once_half_of_its_timeout_has_passed() {
    let health = start(steady().readiness(Pace::new(1_900).check("db")));
    lapse(millis(999)).await;
    assert!(slow_lines().is_empty());
    lapse(millis(10)).await;
    let lines = slow_lines();
    let [line] = &lines[..] else {
        panic!("{lines:#?}")
    };
    assert!(health.runs(tower_health::Probe::Readiness, "db").is_none());
    assert_eq!((line.level, line.get("message")), (Level::WARN, SLOW));
    assert_eq!(line.get("subject"), "readiness/db");
    assert_eq!((line.get("check"), line.get("probe")), ("db", "readiness"));
    assert_eq!(line.get("elapsed_seconds"), "1.0");
    assert_eq!(line.get("timeout_seconds"), "2.0");
}

// Every run is slow, and some time out: 100 of them are one row.
#[tokio::test(start_paused = true)]
async fn a_row_of_slow_runs_is_logged_once() {
    let db = Pace::new(1_500);
    let _health = start(steady().readiness(db.check("db")));
    for takes in [1_500, 60_000, 1_500] {
        db.set(takes);
        lapse(secs(100)).await;
    }
    assert_eq!(messages(), [SLOW]);
}

#[tokio::test(start_paused = true)]
async fn three_fast_runs_end_a_row_and_the_next_slow_one_begins_another() {
    let db = Pace::new(1_500);
    let _health = start(steady().readiness(db.check("db")));
    lapse(secs(2)).await;
    assert_eq!(messages(), [SLOW]);
    // Two fast runs, and a slow one again.
    db.set(0);
    lapse(secs(2)).await;
    db.set(1_500);
    lapse(secs(5)).await;
    assert!(messages().is_empty());

    db.set(100);
    lapse(secs(10)).await;
    let lines = slow_lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!(
        (lines[0].level, lines[0].get("message")),
        (Level::INFO, FAST)
    );
    assert_eq!(lines[0].get("duration_seconds"), "0.1");
    assert_eq!(
        (lines[0].get("check"), lines[0].get("probe")),
        ("db", "readiness")
    );

    db.set(1_500);
    lapse(secs(10)).await;
    assert_eq!(messages(), [SLOW]);
}

// Each run is refused at once, which tells nothing of how long an answer takes.
#[tokio::test(start_paused = true)]
async fn a_failure_that_comes_quickly_ends_no_row() {
    let refused = Arc::new(AtomicU64::new(0));
    let is_refused = Arc::clone(&refused);
    let check = Check::new(indicator_fn("db", move || {
        let refused = is_refused.load(Ordering::Relaxed) == 1;
        async move {
            if refused {
                return Err("refused");
            }
            sleep(millis(1_500)).await;
            Ok(())
        }
    }));
    let _health = start(steady().readiness(check.timeout(secs(2))));
    lapse(secs(3)).await;
    assert_eq!(messages(), [SLOW]);
    refused.store(1, Ordering::Relaxed);
    lapse(secs(60)).await;
    refused.store(0, Ordering::Relaxed);
    lapse(secs(60)).await;
    assert!(messages().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_part_of_the_timeout_can_be_set_for_all_checks_and_for_one() {
    for (of_all, of_one, slow_after) in [
        (0.5, None, Some(1_000)),
        (0.25, None, Some(500)),
        (0.25, Some(0.75), Some(1_500)),
        (1.0, Some(0.75), Some(1_500)),
        (1.0, None, None),
        (0.25, Some(1.0), None),
    ] {
        let mut check = Pace::new(60_000).check("db");
        if let Some(slow_at) = of_one {
            check = check.slow_at(slow_at);
        }
        let _health = start(steady().slow_at(of_all).readiness(check));
        let Some(slow_after) = slow_after else {
            lapse(secs(100)).await;
            assert!(messages().is_empty(), "{of_all} {of_one:?}");
            continue;
        };
        lapse(millis(slow_after - 5)).await;
        assert!(messages().is_empty(), "{of_all} {of_one:?}");
        lapse(millis(10)).await;
        assert_eq!(messages(), [SLOW], "{of_all} {of_one:?}");
    }
}

// The process is stopped within a run, for longer than what is excused of its timeout.
#[tokio::test(start_paused = true)]
async fn a_process_that_was_paused_has_no_slow_check() {
    for pause in [3, 30, 300] {
        let db = Pace::new(0);
        let _health = start(steady().readiness(db.check("db")));
        settle().await;
        db.set(800);
        lapse(secs(1)).await;
        advance(secs(pause)).await;
        lapse(secs(10)).await;
        assert!(messages().is_empty(), "{pause}");
    }
}

// Half of the timeout is a second: 300 ms of it are over before the pause.
#[tokio::test(start_paused = true)]
async fn a_pause_moves_the_moment_from_which_on_a_run_is_slow() {
    let db = Pace::new(0);
    let _health = start(steady().readiness(db.check("db")));
    settle().await;
    db.set(60_000);
    lapse(millis(950 + 300)).await;
    assert!(advance(secs(20)).now_or_never().is_none());
    lapse(millis(600)).await;
    assert!(messages().is_empty());
    lapse(millis(150)).await;
    let lines = slow_lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let elapsed: f64 = lines[0].get("elapsed_seconds").parse().unwrap();
    assert!((0.97..1.03).contains(&elapsed), "{elapsed}");
}

#[tokio::test(start_paused = true)]
async fn a_part_that_cannot_work_is_reported_at_the_start() {
    for absurd in [0.0, 0.009, 1.01, -1.0, f64::NAN, f64::INFINITY] {
        let check = Pace::new(0).check("db").slow_at(absurd);
        let error = steady()
            .slow_at(absurd)
            .readiness(check)
            .start()
            .unwrap_err();
        let text = error.to_string();
        assert_eq!(
            text.matches("slow_at must be from 0.01 to 1").count(),
            2,
            "{text}"
        );
        assert!(error.is_option());
    }
    for possible in [0.01, 1.0] {
        assert!(steady().slow_at(possible).start().is_ok());
    }
}
