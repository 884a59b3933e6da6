//! The scripted indicator that tests of applications use.

use std::time::Duration;

use tokio::time::sleep;
use tower_health::test_util::{ScriptedIndicator, Step};
use tower_health::{Check, Health, Observation, Probe, Status};

use super::support::number;
use crate::support::{secs, settle, steady};

fn seen(health: &Health) -> (Status, Option<String>) {
    let snapshot = health.snapshot();
    let check = snapshot.checks(Probe::Readiness).next().unwrap();
    (check.status(), check.output().map(str::to_owned))
}

#[tokio::test(start_paused = true)]
async fn the_steps_are_done_in_their_order_and_the_last_is_repeated() {
    let steps = [
        Step::pass(),
        Step::warn("slow"),
        Step::panic("boom"),
        Step::fail("refused"),
    ];
    let db = ScriptedIndicator::new("db", steps);
    let health = steady().readiness(db.clone()).start().unwrap();
    let text = |text: &str| Some(text.to_owned());
    for expected in [
        (Status::Pass, None),
        (Status::Warn, text("slow")),
        (Status::Fail, text("panicked: boom")),
        (Status::Fail, text("refused")),
        (Status::Fail, text("refused")),
    ] {
        settle().await;
        assert_eq!(seen(&health), expected);
        sleep(Duration::from_millis(950)).await;
    }
    assert_eq!(db.starts()[..5], [0, 1, 2, 3, 4].map(secs));
    assert_eq!((db.running(), db.most_at_once()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn without_steps_it_passes_until_it_is_turned() {
    let db = ScriptedIndicator::passing("db");
    let health = steady().readiness(db.clone()).start().unwrap();
    settle().await;
    assert_eq!(seen(&health).0, Status::Pass);
    db.set_step(Step::fail("refused"));
    sleep(secs(1)).await;
    assert_eq!(seen(&health).0, Status::Fail);
    db.set_step(Step::answer(Ok(Observation::pass())));
    sleep(secs(1)).await;
    assert_eq!(seen(&health).0, Status::Pass);
    assert_eq!(db.runs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_hangs_is_going_on_until_its_timeout() {
    let db = ScriptedIndicator::new("db", [Step::hang()]);
    let check = Check::new(db.clone()).timeout(secs(2));
    let health = steady().readiness(check).start().unwrap();
    sleep(Duration::from_millis(1_900)).await;
    assert_eq!(db.running(), 1);
    sleep(Duration::from_millis(150)).await;
    assert_eq!(db.running(), 0);
    assert_eq!(seen(&health).1.unwrap(), "timed out after 2s");
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_one_of_the_paused_clock() {
    let db = ScriptedIndicator::new("db", [Step::pass().after(secs(3))]);
    let health = steady().readiness(db.clone()).start().unwrap();
    sleep(Duration::from_millis(2_900)).await;
    assert_eq!(db.running(), 1);
    health.await_ready().await.unwrap();
    assert_eq!(db.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_release_lets_one_held_run_go_on() {
    let db = ScriptedIndicator::new("db", [Step::pass().held()]);
    let check = Check::new(db.clone()).timeout(secs(60));
    let health = steady().readiness(check).start().unwrap();
    sleep(secs(5)).await;
    assert_eq!((db.runs(), db.running()), (1, 1));
    db.release();
    health.await_ready().await.unwrap();
    sleep(secs(5)).await;
    assert_eq!(
        (db.runs(), db.running()),
        (2, 1),
        "the second is held again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_held_run_that_was_aborted_takes_no_release() {
    let db = ScriptedIndicator::new("db", [Step::fail("late").held(), Step::pass().held()]);
    let check = Check::new(db.clone()).timeout(secs(2));
    let health = steady().readiness(check).start().unwrap();
    sleep(Duration::from_millis(3_500)).await;
    assert_eq!((db.runs(), db.running()), (2, 1));
    db.release();
    settle().await;
    assert_eq!(seen(&health).0, Status::Pass);
}

#[tokio::test]
async fn a_step_can_bring_readings() {
    use tower_health::HealthIndicator as _;
    let depth = Observation::pass().measurement("depth", 7, "messages");
    let queue = ScriptedIndicator::new("queue", [Step::answer(Ok(depth))]);
    assert_eq!(number(&queue.check().await, "depth", "messages"), 7.0);
}
