//! The latest runs and the sums of each minute: their order, their bounds, and their end.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tower_health::{Check, Health, Limits, Probe, RunOutcome, Status, indicator_fn};

use crate::support::{Dial, lapse, millis, secs, settle, steady};

const MINUTE: u64 = 60;

fn with(set: impl FnOnce(&mut Limits)) -> Health {
    let mut limits = Limits::default();
    set(&mut limits);
    let check = Dial::pass().check("db");
    steady().limits(limits).readiness(check).start().unwrap()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test(start_paused = true)]
async fn the_latest_runs_are_kept_oldest_first_up_to_the_limit() {
    for (limit, runs, kept) in [(120, 200, 120), (5, 200, 5), (1, 3, 1), (500, 200, 200)] {
        let health = with(|limits| limits.samples_per_check = limit);
        lapse(secs(runs) - millis(500)).await;
        let history = health.runs(Probe::Readiness, "db").unwrap();
        assert_eq!(history.samples().len(), kept, "{limit}");
        let times: Vec<_> = history.samples().map(|run| run.time()).collect();
        assert!(times.is_sorted());
        let snapshot = health.snapshot();
        let check = snapshot.checks(Probe::Readiness).next().unwrap();
        assert_eq!(check.stats().runs(RunOutcome::Pass), runs);
        let last = history.samples().last().unwrap();
        let late = check.time().unwrap().duration_since(last.time()).unwrap();
        assert!(late < millis(1), "to the millisecond");
    }
}

// The wall clock goes on by itself while the other one is paused, so each minute may be two.
#[tokio::test(start_paused = true)]
async fn every_run_is_in_a_minute_that_begins_with_a_minute_of_utc() {
    let health = with(|_| {});
    lapse(secs(300) - millis(500)).await;
    let history = health.runs(Probe::Readiness, "db").unwrap();
    let mut runs = 0;
    for minute in history.minutes() {
        assert_eq!(seconds(minute.start()) % MINUTE, 0);
        runs += minute.runs(RunOutcome::Pass);
        assert_eq!(
            minute.durations().count(),
            u64::from(minute.runs(RunOutcome::Pass))
        );
    }
    assert_eq!(runs, 300);
    assert!(history.minutes().len() <= 90);
    // A history is a copy: it does not grow.
    lapse(secs(10)).await;
    assert_eq!(history.samples().len(), 120);
}

#[tokio::test(start_paused = true)]
async fn the_history_of_a_check_goes_with_it_and_of_no_other() {
    let health = with(|_| {});
    let cache = || Dial::pass().check("cache");
    health.add_readiness(cache()).await.unwrap();
    lapse(secs(5)).await;
    assert!(health.runs(Probe::Readiness, "cache").is_some());
    health.remove_readiness("cache").await.unwrap();
    settle().await;
    assert!(health.runs(Probe::Readiness, "cache").is_none());
    assert!(health.runs(Probe::Readiness, "db").unwrap().samples().len() >= 5);

    // A check of the same name begins again.
    health.add_readiness(cache()).await.unwrap();
    settle().await;
    let history = health.runs(Probe::Readiness, "cache").unwrap();
    assert_eq!(history.samples().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_check_is_known_by_its_probe_and_its_name() {
    let startup = Dial::at(Status::Fail);
    let health = steady()
        .readiness(Dial::pass().check("db"))
        .startup(startup.check("db"))
        .start()
        .unwrap();
    settle().await;
    let outcome = |probe| {
        let runs = health.runs(probe, "db").unwrap();
        runs.samples().last().unwrap().outcome()
    };
    assert_eq!(outcome(Probe::Readiness), RunOutcome::Pass);
    assert_eq!(outcome(Probe::Startup), RunOutcome::Fail);
    assert!(health.runs(Probe::Liveness, "db").is_none());
    assert!(health.runs(Probe::Readiness, "cache").is_none());
    assert!(
        Health::fixed(Status::Pass)
            .runs(Probe::Readiness, "fixed")
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn durations_of_the_minutes_merge_to_those_of_the_counters() {
    let mut takes = [1_u64, 7, 60, 400].into_iter().cycle();
    let takes = std::sync::Mutex::new(move || takes.next().unwrap());
    let check = Check::new(indicator_fn("db", move || {
        let takes = takes.lock().unwrap()();
        async move {
            tokio::time::sleep(millis(takes)).await;
            Ok::<_, std::io::Error>(())
        }
    }));
    let health = steady().readiness(check).start().unwrap();
    lapse(secs(100)).await;
    let history = health.runs(Probe::Readiness, "db").unwrap();
    let mut merged = tower_health::RunDurations::default();
    history
        .minutes()
        .for_each(|minute| merged.merge(minute.durations()));
    let snapshot = health.snapshot();
    let stats = *snapshot.checks(Probe::Readiness).next().unwrap().stats();
    assert_eq!(&merged, stats.durations());
    assert_eq!(merged.quantile(0.5), Some(millis(10)));
    assert_eq!(merged.max(), millis(400));
    assert_eq!(Duration::ZERO, tower_health::RunDurations::default().sum());
}
