//! A process that was paused, or whose runtime is busy: no dependency is blamed for it.
//!
//! A jump of the paused clock is a pause of the process: all that was due in it happens late, and
//! at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tokio::time::{advance, timeout};
use tower_health::{
    Cause, Check, Criticality, Health, Limits, Probe, Status, Transition, indicator_fn,
};

use super::support::{
    PASSED, Script, fail, failed, hang, pass, readiness, seen, state, told, warn,
};
use crate::support::{lapse, millis, secs, settle, steady};

/// A dependency that answers one round trip for each permit.
fn asking(answers: &Arc<Semaphore>, round_trips: u32) -> Check {
    let answers = Arc::clone(answers);
    let check = Check::new(indicator_fn("db", move || {
        let answers = Arc::clone(&answers);
        async move {
            for _ in 0..round_trips {
                answers.acquire().await?.forget();
            }
            Ok::<_, tokio::sync::AcquireError>(())
        }
    }));
    check.timeout(secs(2))
}

/// Starts a health whose check has passed once and is in its second run.
async fn in_a_run(answers: &Arc<Semaphore>, round_trips: u32) -> Health {
    answers.add_permits(round_trips as usize);
    let check = asking(answers, round_trips);
    let health = steady().readiness(check).start().unwrap();
    settle().await;
    assert_eq!(readiness(&health), Status::Pass);
    lapse(secs(1)).await;
    health
}

/// Lets time pass without a turn for any task.
fn blocked(time: Duration) {
    assert!(advance(time).now_or_never().is_none());
}

fn causes(changes: &[Transition]) -> Vec<Option<Cause>> {
    changes.iter().map(|change| change.cause).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_paused_has_the_rest_of_its_timeout() {
    for (round_trips, pause) in [(1, 3), (3, 3), (1, 30), (3, 30)] {
        let answers = Arc::new(Semaphore::new(0));
        let health = in_a_run(&answers, round_trips).await;
        for _ in 0..round_trips {
            advance(secs(pause) / round_trips).await;
            lapse(millis(300)).await;
            answers.add_permits(1);
            settle().await;
        }
        assert_eq!(seen(&health, "db"), PASSED, "{round_trips} {pause}");
        assert!(!causes(&health.history()).contains(&Some(Cause::Failed)));
        assert_eq!(health.lateness().starved_runs, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_hangs_since_a_pause_is_found_within_the_timeout() {
    let answers = Arc::new(Semaphore::new(0));
    let health = in_a_run(&answers, 1).await;
    advance(secs(30)).await;
    settle().await;
    assert_eq!(readiness(&health), Status::Pass);
    lapse(secs(2)).await;
    assert_eq!(seen(&health, "db"), failed("timed out after 2s"));
    assert_eq!(state(&health, "db").cause(), Some(Cause::Failed));
    let last = health.history().pop().unwrap();
    assert_eq!((last.to, last.cause), (Status::Fail, Some(Cause::Failed)));
}

// The answer is there, but the run was not polled since.
#[tokio::test(start_paused = true)]
async fn a_run_gets_its_last_turn_however_little_of_its_timeout_is_left() {
    let answers = Arc::new(Semaphore::new(0));
    let health = in_a_run(&answers, 1).await;
    lapse(millis(1_945)).await;
    advance(secs(3)).await;
    lapse(millis(80)).await;
    answers.add_permits(1);
    settle().await;
    assert_eq!(seen(&health, "db"), PASSED);
    assert!(!causes(&health.history()).contains(&Some(Cause::Failed)));
}

// A blocked runtime: no task gets a turn, but a thread of its own probes twice.
#[tokio::test(start_paused = true)]
async fn a_probe_that_comes_before_the_refresher_leaves_a_trace() {
    let db = Script::passing();
    let health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    let mut transitions = health.subscribe();
    blocked(secs(8));
    assert_eq!(readiness(&health), Status::Pass, "perhaps only resumed");
    blocked(secs(2));
    assert_eq!(readiness(&health), Status::Fail);
    let snapshot = health.snapshot();
    assert_eq!(snapshot.cause(Probe::Readiness), Some(Cause::Starved));
    let output = snapshot.report(Probe::Readiness).output().unwrap();
    assert!(output.starts_with("db: starved: the last run ended at "));
    blocked(secs(1));

    let lines = told(&mut transitions).await;
    assert_eq!(
        lines,
        ["readiness: pass -> fail", "readiness: fail -> pass"]
    );
    let history = health.history();
    let [.., red, green] = &history[..] else {
        panic!("{history:?}")
    };
    assert_eq!((red.cause, green.cause), (Some(Cause::Starved), None));
    assert!(red.output.as_deref().unwrap().contains("starved"));
    assert_eq!(green.time.duration_since(red.time).unwrap(), secs(1));
}

// A server that closes silent connections does so in a pause, too.
#[tokio::test(start_paused = true)]
async fn a_failure_of_the_first_run_after_a_pause_is_checked_again_too() {
    let db = Script::new([pass(), fail("connection closed"), pass()]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    assert_eq!(db.running(), 0);
    advance(secs(30)).await;
    settle().await;
    assert_eq!((db.runs(), seen(&health, "db")), (3, PASSED));
    assert!(!causes(&health.history()).contains(&Some(Cause::Failed)));
}

#[tokio::test(start_paused = true)]
async fn after_a_long_pause_three_failures_in_a_row_are_excused_and_not_four() {
    for (refusals, runs, expected) in [(3, 5, Status::Pass), (4, 5, Status::Fail)] {
        let refused = std::iter::repeat_n(fail("connection closed"), refusals);
        let db = Script::new(std::iter::once(pass()).chain(refused).chain([pass()]));
        let health = steady().readiness(db.check("db")).start().unwrap();
        settle().await;
        advance(secs(30)).await;
        settle().await;
        assert_eq!((db.runs(), readiness(&health)), (runs, expected));
        assert_eq!(health.lateness().starved_runs, 3);
    }
}

// The process is paused after the run has ended, while its text is redacted, and before the refresher
// takes its result.
#[tokio::test(start_paused = true)]
async fn a_result_that_waited_for_the_refresher_gets_the_pause_back() {
    let redacted = AtomicUsize::new(0);
    let health = steady()
        .readiness(Script::new([warn("slow")]).check("db"))
        .redact(move |text| {
            if redacted.fetch_add(1, Ordering::SeqCst) == 1 {
                blocked(secs(30));
            }
            text.to_owned()
        })
        .start()
        .unwrap();
    settle().await;
    let mut transitions = health.subscribe();
    lapse(millis(30_970)).await;
    assert_eq!(readiness(&health), Status::Warn);
    assert!(told(&mut transitions).await.is_empty());
}

// The next run is due a second after the start.
#[tokio::test(start_paused = true)]
async fn less_than_ten_milliseconds_are_no_lateness() {
    for (late, total) in [(8, 0), (12, 12)] {
        let db = Script::passing();
        let health = steady().readiness(db.check("db")).start().unwrap();
        settle().await;
        advance(millis(950 + late)).await;
        settle().await;
        assert_eq!(health.lateness().total, millis(total));
    }
}

// Pauses that are longer than the time for which a result stands, and a probe right after each.
#[tokio::test(start_paused = true)]
async fn a_pause_within_the_bound_changes_nothing() {
    let db = Script::passing();
    let health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    let mut transitions = health.subscribe();
    for _ in 0..20 {
        advance(secs(30)).await;
        assert_eq!(readiness(&health), Status::Pass);
        assert_eq!(health.snapshot().status(Probe::Readiness), Status::Pass);
        assert!(told(&mut transitions).await.is_empty());
    }
}

// Of all pauses together, 60 s are given back.
#[tokio::test(start_paused = true)]
async fn no_result_outlives_its_bound_however_late_the_refresher_is() {
    let db = Script::new([pass(), hang()]);
    let health = steady()
        .readiness(db.check("db").timeout(secs(600)).stale_after(secs(3)))
        .start()
        .unwrap();
    lapse(secs(2)).await;
    for pause in [20, 20, 20] {
        advance(secs(pause)).await;
        settle().await;
        assert_eq!(readiness(&health), Status::Pass);
    }
    // 1 s was left when the pauses began.
    advance(millis(1_000)).await;
    settle().await;
    assert_eq!(readiness(&health), Status::Fail);
    assert_eq!(state(&health, "db").cause(), Some(Cause::Starved));
}

#[tokio::test(start_paused = true)]
async fn a_result_that_grows_old_while_the_refresher_is_on_time_is_stale() {
    let db = Script::new([pass(), hang()]);
    let health = steady()
        .readiness(db.check("db").timeout(secs(60)).stale_after(secs(3)))
        .start()
        .unwrap();
    lapse(secs(4)).await;
    assert_eq!(state(&health, "db").cause(), Some(Cause::Stale));
    let last = health.history().pop().unwrap();
    assert_eq!((last.to, last.cause), (Status::Fail, Some(Cause::Stale)));
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_a_pause_is_checked_again_at_once() {
    let refused_once = Script::new([pass(), fail("reset").after(millis(10)), pass()]);
    let health = steady()
        .readiness(refused_once.check("db"))
        .start()
        .unwrap();
    lapse(millis(1_005)).await;
    assert_eq!(refused_once.running(), 1);
    advance(secs(3)).await;
    settle().await;
    assert_eq!((refused_once.runs(), seen(&health, "db")), (3, PASSED));
    assert_eq!(health.lateness().starved_runs, 1);
    assert!(!causes(&health.history()).contains(&Some(Cause::Failed)));
}

#[tokio::test(start_paused = true)]
async fn the_second_failure_in_a_row_counts() {
    let refuses = fail("refused").after(millis(10));
    let db = Script::new([pass(), refuses.clone(), refuses.after(millis(20))]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    lapse(millis(1_005)).await;
    // Both runs are paused, for less than half of their timeout.
    for _ in 0..2 {
        advance(secs(1)).await;
        lapse(millis(15)).await;
    }
    settle().await;
    assert_eq!(seen(&health, "db"), failed("refused"));
    assert_eq!(state(&health, "db").cause(), Some(Cause::Failed));
    assert_eq!(health.lateness().starved_runs, 1);
}

/// A client that waits no longer than 1.8 s, as the built-in indicators do at a timeout of 2 s.
fn impatient(answers: &Arc<Semaphore>) -> Check {
    let answers = Arc::clone(answers);
    let check = Check::new(indicator_fn("db", move || {
        let answers = Arc::clone(&answers);
        async move {
            let answer = timeout(millis(1_800), answers.acquire()).await;
            answer.map(|permit| permit.unwrap().forget())
        }
    }));
    check.timeout(secs(2))
}

// Each second, the process runs for a tenth of a second.
#[tokio::test(start_paused = true)]
async fn a_timeout_within_the_client_blames_nobody_on_a_host_that_is_never_on_time() {
    let answers = Arc::new(Semaphore::new(1));
    let health = steady().readiness(impatient(&answers)).start().unwrap();
    settle().await;
    for round in 0..60 {
        advance(millis(900)).await;
        lapse(millis(100)).await;
        if round % 6 == 5 {
            answers.add_permits(1);
        }
    }
    assert!(health.lateness().starved_runs > 5);
    assert!(!causes(&health.history()).contains(&Some(Cause::Failed)));
}

// The process runs nine tenths of the time, which is enough to find out.
#[tokio::test(start_paused = true)]
async fn a_dependency_that_hangs_is_found_on_a_host_that_is_a_little_busy() {
    let answers = Arc::new(Semaphore::new(1));
    let health = steady().readiness(impatient(&answers)).start().unwrap();
    settle().await;
    for _ in 0..50 {
        advance(millis(15)).await;
        lapse(millis(85)).await;
    }
    assert_eq!(state(&health, "db").cause(), Some(Cause::Failed));
}

// A control group that may run for 5 ms in each 100 ms. The run takes 25 of these periods.
#[tokio::test(start_paused = true)]
async fn a_host_that_runs_in_periods_of_a_tenth_of_a_second_is_noticed() {
    let answers = Arc::new(Semaphore::new(0));
    let health = in_a_run(&answers, 25).await;
    for _ in 0..25 {
        answers.add_permits(1);
        lapse(millis(5)).await;
        advance(millis(95)).await;
    }
    settle().await;
    assert_eq!(seen(&health, "db"), PASSED);
    assert!(!causes(&health.history()).contains(&Some(Cause::Failed)));
}

#[tokio::test(start_paused = true)]
async fn the_lateness_is_measured_while_it_lasts_and_afterwards() {
    let health = steady()
        .readiness(Script::passing().check("db"))
        .start()
        .unwrap();
    lapse(millis(500)).await;
    assert_eq!(health.lateness(), Default::default());

    // The next run is due in half a second.
    advance(millis(4_500)).await;
    assert_eq!(health.lateness().latest, secs(4));
    tokio::task::yield_now().await;
    let lateness = health.lateness();
    assert_eq!((lateness.latest, lateness.worst), (secs(4), secs(4)));
    lapse(secs(2)).await;
    let lateness = health.lateness();
    assert_eq!((lateness.latest, lateness.worst), (Duration::ZERO, secs(4)));
    assert_eq!(lateness.total, secs(4));
}

#[tokio::test(start_paused = true)]
async fn a_pause_does_not_fail_liveness_of_a_loop_that_beats() {
    let health = steady()
        .readiness(Script::passing().check("db"))
        .start()
        .unwrap();
    let heartbeat = health.heartbeat("consumer", secs(1)).unwrap();
    settle().await;
    let mut transitions = health.subscribe();
    for pause in [3, 30, 59] {
        advance(secs(pause)).await;
        // Before the refresher comes, and after it.
        for _ in 0..2 {
            assert_eq!(health.status(Probe::Liveness), Status::Pass, "{pause}");
            assert_eq!(health.snapshot().status(Probe::Liveness), Status::Pass);
            tokio::task::yield_now().await;
        }
        heartbeat.beat();
        settle().await;
    }
    let told = told(&mut transitions).await;
    assert!(
        told.iter().all(|line| line.starts_with("readiness: ")),
        "{told:?}"
    );
}

// Two pauses, of which only the first second is given back.
#[tokio::test(start_paused = true)]
async fn a_loop_that_used_up_the_bound_is_missed_and_announced() {
    let mut limits = Limits::default();
    limits.lateness = secs(1);
    let health = steady().limits(limits).start().unwrap();
    let _stuck = health.heartbeat("consumer", secs(2)).unwrap();
    settle().await;
    for _ in 0..2 {
        advance(millis(800)).await;
        lapse(millis(20)).await;
    }
    lapse(secs(3)).await;
    assert_eq!(health.status(Probe::Liveness), Status::Fail);
    let last = health.history().pop().unwrap();
    assert_eq!(last.subject.to_string(), "liveness");
    assert_eq!(last.to, Status::Fail);
}

// The pause ended before the last beat.
#[tokio::test(start_paused = true)]
async fn a_loop_gets_no_time_back_that_it_had_lost_before_it_beat() {
    let health = steady().start().unwrap();
    let heartbeat = health.heartbeat("consumer", secs(2)).unwrap();
    settle().await;
    advance(secs(9)).await;
    heartbeat.beat();
    lapse(millis(2_050)).await;
    assert_eq!(health.status(Probe::Liveness), Status::Fail);
}

// As when a container is frozen, or a virtual machine is moved, while the service starts.
#[tokio::test(start_paused = true)]
async fn a_pause_before_the_first_turn_is_no_missed_heartbeat() {
    let health = steady().start().unwrap();
    let heartbeat = health.heartbeat("consumer", secs(1)).unwrap();
    blocked(secs(30));
    assert_eq!(health.status(Probe::Liveness), Status::Pass);
    settle().await;
    assert_eq!(health.status(Probe::Liveness), Status::Pass);
    heartbeat.beat();
    lapse(millis(1_100)).await;
    assert_eq!(health.status(Probe::Liveness), Status::Fail);
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_died_in_a_pause_is_missed_soon_after_it() {
    let health = steady().start().unwrap();
    let _stuck = health.heartbeat("consumer", secs(1)).unwrap();
    settle().await;
    advance(secs(30)).await;
    assert_eq!(health.status(Probe::Liveness), Status::Pass);
    lapse(secs(1)).await;
    assert_eq!(health.status(Probe::Liveness), Status::Fail);
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_hangs_after_its_first_beat_after_a_pause_is_missed_in_time() {
    let health = steady().start().unwrap();
    let heartbeat = health.heartbeat("consumer", secs(1)).unwrap();
    settle().await;
    advance(secs(30)).await;
    // Before the refresher comes.
    heartbeat.beat();
    lapse(secs(2)).await;
    assert_eq!(health.status(Probe::Liveness), Status::Fail);
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_is_dead_after_a_long_pause_is_announced() {
    let health = steady().start().unwrap();
    let _stuck = health.heartbeat("consumer", secs(1)).unwrap();
    settle().await;
    let mut transitions = health.subscribe();
    advance(secs(600)).await;
    settle().await;
    assert_eq!(health.status(Probe::Liveness), Status::Fail);
    let told = told(&mut transitions).await;
    assert_eq!(told, ["liveness: pass -> fail"]);
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_ended_is_missed_at_once_even_in_a_pause() {
    let health = steady().start().unwrap();
    let heartbeat = health.heartbeat("consumer", secs(1)).unwrap();
    settle().await;
    advance(secs(30)).await;
    drop(heartbeat);
    assert_eq!(health.status(Probe::Liveness), Status::Fail);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_is_stale_for_long_takes_no_forgiveness_from_the_others() {
    let [db, cache] = [
        Script::new([pass(), hang()])
            .check("db")
            .criticality(Criticality::NonCritical),
        Script::passing().check("cache"),
    ];
    let health = steady()
        .readiness(db.timeout(secs(100_000)))
        .readiness(cache)
        .start()
        .unwrap();
    settle().await;
    // The one result becomes stale, whatever lateness was given back to it. The other is renewed.
    lapse(secs(1)).await;
    advance(secs(1_000_000)).await;
    settle().await;
    lapse(secs(10)).await;
    assert_eq!(readiness(&health), Status::Warn);
    advance(secs(30)).await;
    assert_eq!(readiness(&health), Status::Warn);
}

// Checks whose runs take longer than their results may stand, and which always pass.
#[tokio::test(start_paused = true)]
async fn a_slow_check_that_always_passes_does_not_flap() {
    let slow = Script::new([pass().after(millis(1_500))]);
    let check = slow.check("db").stale_after(secs(2));
    let health = steady().readiness(check).start().unwrap();
    health.await_ready().await.unwrap();
    let mut transitions = health.subscribe();
    lapse(secs(60)).await;
    assert!(told(&mut transitions).await.is_empty());
    assert!(slow.runs() > 20);
}

#[tokio::test(start_paused = true)]
async fn a_slow_run_is_forgotten_after_many_fast_ones() {
    let fast = std::iter::repeat_n(pass(), 100);
    let slow = pass().after(millis(1_400));
    let steps = std::iter::once(slow).chain(fast).chain([hang()]);
    let db = Script::new(steps);
    let check = db.check("db").stale_after(secs(2)).timeout(secs(60));
    let health = steady().readiness(check).start().unwrap();
    while db.running() == 0 || db.runs() < 102 {
        lapse(millis(10)).await;
    }
    // The result is a second old when the next run begins.
    lapse(millis(980)).await;
    assert_eq!(readiness(&health), Status::Pass);
    lapse(millis(100)).await;
    assert_eq!(readiness(&health), Status::Fail);
}
