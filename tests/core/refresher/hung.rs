//! Checks that hang or are slow: they fail at their timeout, and delay nothing but themselves.
//!
//! Ports B3, B4 and B5 of the peers' tables; B3 on the blocking pool is in `blocking`.

use tower_health::{Criticality, Status};

use super::support::{PASSED, Script, fail, failed, hang, panics, pass, readiness, seen};
use crate::support::{lapse, millis, secs, settle, steady};

#[tokio::test(start_paused = true)]
async fn a_hung_check_fails_at_its_timeout_and_is_aborted() {
    let db = Script::new([hang()]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    lapse(millis(4_990)).await;
    assert_eq!(seen(&health, "db"), failed("not checked yet"));
    assert_eq!(db.running(), 1);

    lapse(millis(20)).await;
    assert_eq!(seen(&health, "db"), failed("timed out after 5s"));
    assert_eq!(db.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_failure_names_the_timeout_in_use() {
    for (timeout, output) in [
        (millis(250), "timed out after 250ms"),
        (millis(1_500), "timed out after 1s 500ms"),
        (secs(60), "timed out after 1m"),
    ] {
        let check = Script::new([hang()]).check("db").timeout(timeout);
        let health = steady().readiness(check).start().unwrap();
        lapse(timeout + millis(10)).await;
        assert_eq!(seen(&health, "db"), failed(output));
    }
}

// run:      |pass  |hang . . . . . . .|pass
// time:     0      1s                 6s  7s
// readyz:    200                       503 200
#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_once_fails_at_the_timeout_and_returns_with_the_next_run() {
    let db = Script::new([pass(), hang(), pass()]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    lapse(millis(5_990)).await;
    assert_eq!(readiness(&health), Status::Pass);
    lapse(millis(20)).await;
    assert_eq!(seen(&health, "db"), failed("timed out after 5s"));
    assert_eq!(readiness(&health), Status::Fail);
    lapse(secs(1)).await;
    assert_eq!(readiness(&health), Status::Pass);
    assert_eq!(db.starts(), [secs(0), secs(1), secs(7)]);
}

#[tokio::test(start_paused = true)]
async fn after_a_timeout_the_next_run_is_due_one_ttl_later() {
    let db = Script::new([hang()]);
    let _health = steady().readiness(db.check("db")).start().unwrap();
    lapse(secs(13)).await;
    assert_eq!(db.starts(), [secs(0), secs(6), secs(12)]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_check_that_ends_within_its_timeout_has_not_failed() {
    let db = Script::new([pass().after(millis(4_990))]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    lapse(secs(5)).await;
    assert_eq!(seen(&health, "db"), PASSED);
    lapse(secs(60)).await;
    assert_eq!(seen(&health, "db"), PASSED);
}

#[tokio::test(start_paused = true)]
async fn a_slow_and_a_hung_check_delay_no_other() {
    let (slow, hung, quick) = (
        Script::new([pass().after(secs(4))]),
        Script::new([hang()]),
        Script::passing(),
    );
    let health = steady()
        .readiness(hung.check("hung").criticality(Criticality::NonCritical))
        .readiness(slow.check("slow"))
        .readiness(quick.check("quick"))
        .start()
        .unwrap();
    settle().await;
    assert_eq!(seen(&health, "quick"), PASSED);
    lapse(secs(30)).await;
    let every_second: Vec<_> = (0..=30).map(secs).collect();
    assert_eq!(quick.starts(), every_second);
    assert_eq!(slow.starts(), [0, 5, 10, 15, 20, 25, 30].map(secs));
    assert_eq!(readiness(&health), Status::Warn);
}

#[tokio::test(start_paused = true)]
async fn checks_run_side_by_side_and_not_one_after_the_other() {
    let scripts: Vec<_> = (0..50)
        .map(|_| Script::new([pass().after(secs(3))]))
        .collect();
    let mut builder = steady();
    for (index, script) in scripts.iter().enumerate() {
        builder = builder.readiness(script.check(format!("check-{index}")));
    }
    let health = builder.start().unwrap();
    lapse(secs(1)).await;
    assert!(scripts.iter().all(|script| script.running() == 1));
    assert_eq!(readiness(&health), Status::Fail);
    lapse(millis(2_050)).await;
    assert_eq!(readiness(&health), Status::Pass);
}

#[tokio::test(start_paused = true)]
async fn one_panics_one_hangs_one_fails_one_passes_and_each_has_its_own_message() {
    let health = steady()
        .readiness(Script::new([panics("boom")]).check("panics"))
        .readiness(Script::new([hang()]).check("hangs"))
        .readiness(Script::new([fail("refused")]).check("fails"))
        .readiness(Script::passing().check("passes"))
        .start()
        .unwrap();
    lapse(millis(5_050)).await;
    assert_eq!(seen(&health, "panics"), failed("panicked: boom"));
    assert_eq!(seen(&health, "hangs"), failed("timed out after 5s"));
    assert_eq!(seen(&health, "fails"), failed("refused"));
    assert_eq!(seen(&health, "passes"), PASSED);
}

#[tokio::test(start_paused = true)]
async fn runs_of_a_check_never_overlap() {
    let steps = [
        pass(),
        hang(),
        pass().after(millis(4_999)),
        panics("early"),
        panics("late").after(secs(2)),
        pass().after(secs(5)),
        pass().after(millis(5_001)),
        fail("slowly").after(millis(1_500)),
    ];
    let turned = |by: usize| {
        let mut steps = steps.to_vec();
        steps.rotate_left(by);
        // A script repeats its last step, and this test wants all of them, many times.
        Script::new(steps.iter().cycle().take(400).cloned())
    };
    let scripts: Vec<_> = (0..steps.len()).map(turned).collect();
    let mut builder = tower_health::Health::builder().jitter_seed(11);
    for (index, script) in scripts.iter().enumerate() {
        builder = builder.readiness(script.check(format!("check-{index}")));
    }
    let health = builder.start().unwrap();
    lapse(secs(600)).await;
    for script in &scripts {
        assert!(script.runs() > 100, "{}", script.runs());
        assert_eq!(script.most_at_once(), 1);
    }
    assert_eq!(health.refresher_restarts(), 0);
}
