//! Tests of the supervisor: it restarts a scheduler that panics, and no state is lost.
//!
//! User code cannot make the scheduler panic, so these tests command it to. All other tests use the
//! public API.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::time::{sleep, timeout};

use super::notifier::Notifier;
use crate::{
    Check, Health, HealthBuilder, Probe, RefresherState, Status, Subject, Transition, indicator_fn,
};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn steady() -> HealthBuilder {
    Health::builder().jitter(0.0)
}

/// Breaks the scheduler and waits until it has been restarted.
async fn break_and_wait(health: &Health) {
    let before = health.refresher_restarts();
    health.break_refresher();
    sleep(millis(110)).await;
    assert_eq!(health.refresher_restarts(), before + 1);
}

/// Counts the runs of a check: started, in progress, and the most at once.
#[derive(Clone, Default)]
struct Runs(Arc<[AtomicUsize; 3]>);

impl Runs {
    /// Creates a check whose first run takes `first` and all others `later`. Odd runs fail.
    fn check(&self, name: &str, first: Duration, later: Duration) -> Check {
        let runs = self.clone();
        Check::new(indicator_fn(name, move || {
            let runs = runs.clone();
            async move {
                let [started, in_progress, most] = &*runs.0;
                let run = started.fetch_add(1, Ordering::Relaxed);
                most.fetch_max(
                    in_progress.fetch_add(1, Ordering::Relaxed) + 1,
                    Ordering::Relaxed,
                );
                sleep(if run == 0 { first } else { later }).await;
                in_progress.fetch_sub(1, Ordering::Relaxed);
                if run % 2 == 0 { Ok(()) } else { Err("odd") }
            }
        }))
    }

    fn started(&self) -> usize {
        self.0[0].load(Ordering::Relaxed)
    }

    fn most_at_once(&self) -> usize {
        self.0[2].load(Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn a_scheduler_that_panics_is_restarted_and_counted_and_checks_continue() {
    let runs = Runs::default();
    let check = runs.check("db", millis(1), millis(1)).failure_threshold(2);
    let health = steady().readiness(check).start().unwrap();
    sleep(millis(500)).await;
    assert_eq!(health.refresher_restarts(), 0);
    for restart in 1..=10 {
        let before = runs.started();
        break_and_wait(&health).await;
        sleep(millis(2_000)).await;
        assert_eq!(health.refresher_restarts(), restart);
        assert!(runs.started() >= before + 2, "{restart}");
        assert_eq!(health.status(Probe::Readiness), Status::Pass);
    }
}

// run:       pass  fail  restart: fail at once
// readyz:    200   200            503            failure_threshold = 2
#[tokio::test(start_paused = true)]
async fn a_restart_keeps_the_count_towards_a_threshold() {
    let fails = |run: usize| run > 0;
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    let check = Check::new(indicator_fn("db", move || {
        let run = count.fetch_add(1, Ordering::Relaxed);
        async move { if fails(run) { Err("refused") } else { Ok(()) } }
    }));
    let health = steady()
        .readiness(check.failure_threshold(2))
        .start()
        .unwrap();
    let mut transitions = health.subscribe();
    sleep(millis(1_050)).await;
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
    break_and_wait(&health).await;
    sleep(millis(10)).await;
    assert_eq!(runs.load(Ordering::Relaxed), 3);
    assert_eq!(health.status(Probe::Readiness), Status::Fail);

    // The check and readiness pass, then both fail; the restart itself is no transition.
    for to in [Status::Pass, Status::Pass, Status::Fail, Status::Fail] {
        assert_eq!(transitions.next().await.unwrap().to, to);
    }
    assert!(timeout(millis(5_000), transitions.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_run_in_progress_is_not_repeated_and_its_result_counts() {
    let runs = Runs::default();
    let check = runs.check("db", millis(3_000), millis(1));
    let health = steady().readiness(check).start().unwrap();
    sleep(millis(1_000)).await;
    break_and_wait(&health).await;
    sleep(millis(1_910)).await;
    assert_eq!((runs.started(), runs.most_at_once()), (1, 1));
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
}

#[tokio::test(start_paused = true)]
async fn a_run_in_progress_keeps_its_timeout() {
    let runs = Runs::default();
    let check = runs.check("db", millis(60_000), millis(1));
    let health = steady().readiness(check).start().unwrap();
    sleep(millis(1_000)).await;
    break_and_wait(&health).await;
    sleep(millis(3_880)).await;
    let output = |health: &Health| {
        let snapshot = health.snapshot();
        let check = snapshot.checks(Probe::Readiness).next().unwrap();
        check.output().map(str::to_owned)
    };
    assert_eq!(output(&health).as_deref(), Some("not checked yet"));
    sleep(millis(20)).await;
    assert_eq!(output(&health).as_deref(), Some("timed out after 5s"));
    assert_eq!(runs.started(), 1);
}

// More runs than tokio lets a task take in one turn.
#[tokio::test(start_paused = true)]
async fn runs_that_end_before_the_restart_count_and_none_is_repeated() {
    let runs: Vec<_> = (0..500).map(|_| Runs::default()).collect();
    let mut builder = steady();
    for (index, runs) in runs.iter().enumerate() {
        let check = runs.check(&format!("check-{index}"), millis(50), millis(3_000));
        builder = builder.readiness(check);
    }
    let health = builder.start().unwrap();
    sleep(millis(10)).await;
    break_and_wait(&health).await;
    sleep(millis(10)).await;
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
    assert!(runs.iter().all(|runs| runs.started() == 1));
    sleep(millis(30_000)).await;
    for runs in &runs {
        assert_eq!(runs.most_at_once(), 1);
        assert!(runs.started() >= 8, "{}", runs.started());
    }
}

#[tokio::test(start_paused = true)]
async fn commands_around_the_panic_are_handled_and_acknowledged() {
    let health = steady().start().unwrap();
    let check = |name| Runs::default().check(name, millis(1), millis(1));
    let before = health.add_readiness(check("before"));
    let during = async {
        health.break_refresher();
        health.add_readiness(check("after")).await
    };
    let (before, after) = tokio::join!(before, during);
    before.unwrap();
    after.unwrap();
    sleep(millis(10)).await;
    assert_eq!(health.refresher_restarts(), 1);
    assert_eq!(health.snapshot().checks(Probe::Readiness).count(), 2);
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
    health.remove_readiness("before").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_startup_check_that_has_passed_does_not_run_again_after_a_restart() {
    let runs = Runs::default();
    let check = runs.check("schema", millis(1), millis(1));
    let health = steady().startup(check).start().unwrap();
    sleep(millis(50)).await;
    break_and_wait(&health).await;
    sleep(millis(5_000)).await;
    assert_eq!(runs.started(), 1);
    assert_eq!(health.status(Probe::Startup), Status::Pass);
}

#[tokio::test(start_paused = true)]
async fn every_task_ends_when_the_last_handle_is_dropped_before_the_restart() {
    let runs = Runs::default();
    let check = runs.check("db", millis(60_000), millis(1));
    let health = steady()
        .readiness(check)
        .on_transition(|_| ())
        .start()
        .unwrap();
    sleep(millis(50)).await;
    health.break_refresher();
    sleep(millis(50)).await;
    drop(health);
    sleep(millis(200)).await;
    let tasks = tokio::runtime::Handle::current().metrics();
    assert_eq!(tasks.num_alive_tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn liveness_fails_when_the_refresher_cannot_be_restarted_for_a_minute() {
    let runs = Runs::default();
    let check = runs.check("db", millis(1), millis(1));
    let health = steady().readiness(check).start().unwrap();
    sleep(millis(50)).await;
    // Each restart takes 100 ms.
    for _ in 0..650 {
        health.break_refresher();
    }
    sleep(millis(59_900)).await;
    let snapshot = health.snapshot();
    assert_eq!(snapshot.refresher(), RefresherState::Restarting);
    assert_eq!(snapshot.status(Probe::Liveness), Status::Pass);
    let report = snapshot.report(Probe::Readiness);
    assert_eq!(report.status(), Status::Fail);
    assert!(report.output().unwrap().contains("the refresher panicked"));

    sleep(millis(200)).await;
    assert_eq!(health.status(Probe::Liveness), Status::Fail);
    let snapshot = health.snapshot();
    let output = snapshot.report(Probe::Liveness).output().unwrap();
    assert!(output.contains("the refresher panicked"), "{output}");

    sleep(millis(6_000)).await;
    assert_eq!(health.status(Probe::Liveness), Status::Pass);
    assert_eq!(health.snapshot().refresher(), RefresherState::Running);
    health.await_ready().await.unwrap();
}

// Startup that nothing can complete any more is a fault, too.
#[tokio::test(start_paused = true)]
async fn a_refresher_that_is_gone_fails_liveness_if_a_check_waits_for_it() {
    let check = |first| Runs::default().check("schema", first, millis(1));
    for (builder, status) in [
        (steady().startup(check(millis(600_000))), Status::Fail),
        (steady().startup(check(millis(1))), Status::Pass),
        (steady().gate("migrations"), Status::Pass),
        (steady().readiness(check(millis(1))), Status::Fail),
    ] {
        let health = builder.start().unwrap();
        sleep(millis(50)).await;
        health.state().refresher_is_away(RefresherState::Gone);
        sleep(millis(61_000)).await;
        assert_eq!(health.status(Probe::Liveness), status);
    }
}

// A change between a snapshot and its announcement is announced with the next snapshot.
#[tokio::test(start_paused = true)]
async fn a_transition_has_the_reason_of_the_snapshot_that_is_announced() {
    let (health, publisher) = Health::fixed_with_publisher(Status::Pass);
    let state = publisher.state();
    let early = state.current();
    let (transitions, mut announced) = broadcast::channel(8);
    let mut notifier = Notifier::new(transitions, 8, Vec::new(), state);
    let mut publish = |snapshot| {
        let published = publisher.publish(&snapshot);
        notifier.announce(&snapshot, Vec::new());
        publisher.wake(published);
        announced.try_recv()
    };

    health.drain();
    assert!(publish(early).is_err(), "the snapshot has no reason yet");
    let announced = publish(state.current()).expect("a transition");
    assert_eq!(
        (announced.from, announced.to),
        (Some(Status::Pass), Status::Fail)
    );
    assert_eq!(announced.output.as_deref(), Some("draining"));
}

// Whoever is told wakes up, for which the scheduler makes room.
#[tokio::test(start_paused = true)]
async fn an_announcement_tells_whether_anybody_was_told() {
    let (health, publisher) = Health::fixed_with_publisher(Status::Pass);
    let state = publisher.state();
    let mut notifier = Notifier::new(broadcast::Sender::new(8), 8, Vec::new(), state);
    let unchanged = state.current();
    assert!(!notifier.announce(&unchanged, Vec::new()));
    let of_a_check = Transition {
        subject: Subject::Check {
            probe: Probe::Readiness,
            name: "db".to_owned(),
        },
        from: None,
        to: Status::Pass,
        output: None,
        cause: None,
        time: unchanged.time,
        duration: None,
        consecutive_failures: 0,
        lateness: Duration::ZERO,
    };
    assert!(notifier.announce(&unchanged, vec![of_a_check]));
    health.drain();
    assert!(notifier.announce(&state.current(), Vec::new()));
}

// A task that waits for readiness finds the change in the history, however slow the log is.
#[test]
fn a_publication_wakes_no_task_before_the_change_is_announced() {
    let (health, publisher) = Health::fixed_with_publisher(Status::Pass);
    let publications = publisher.state().watch_publications();
    health.drain();
    let snapshot = publisher.state().current();
    let published = publisher.publish(&snapshot);
    assert!(!publications.has_changed().unwrap());
    publisher.wake(published);
    assert!(publications.has_changed().unwrap());
}
