//! The history: a ring for each check and each probe.

use tower_health::{Check, Health, Observation, Status, Subject, Transition, indicator_fn};

use super::with;
use crate::support::{Dial, lapse, secs, steady};

/// A non-critical check that changes with each run, and fails with a text of this length.
fn flapping(name: &'static str, length: usize) -> Check {
    let mut runs = 0;
    let indicator = std::sync::Mutex::new(move || {
        runs += 1;
        if runs % 2 == 0 {
            return Ok(Observation::pass());
        }
        Err(format!("{runs:.<length$}"))
    });
    let check = Check::new(indicator_fn(name, move || {
        let result = indicator.lock().unwrap()();
        async { result }
    }));
    check.criticality(tower_health::Criticality::NonCritical)
}

fn of(health: &Health, wanted: &str) -> Vec<Transition> {
    let is_wanted = |subject: &Subject| subject.to_string() == wanted;
    let mut history = health.history();
    history.retain(|transition| is_wanted(&transition.subject));
    history
}

#[tokio::test(start_paused = true)]
async fn a_check_that_flaps_replaces_only_its_own_transitions() {
    let db = Dial::at(Status::Fail);
    let health = steady()
        .readiness(db.check("db"))
        .readiness(flapping("cache", 8))
        .start()
        .unwrap();
    let mut transitions = health.subscribe();
    lapse(secs(1000)).await;
    db.turn(Status::Pass);
    lapse(secs(2)).await;

    let statuses: Vec<_> = of(&health, "readiness/db").iter().map(|t| t.to).collect();
    assert_eq!(statuses, [Status::Fail, Status::Pass]);
    let cache = of(&health, "readiness/cache");
    assert_eq!(cache.len(), 64);

    // All of them are in the order in which they were announced, and the latest of their subject.
    let history = health.history();
    drop(health);
    let mut told = Vec::new();
    while let Some(transition) = transitions.next().await {
        told.push(transition);
    }
    let is_of_cache = |t: &&Transition| t.subject.to_string() == "readiness/cache";
    let told_of_cache: Vec<_> = told.iter().filter(is_of_cache).cloned().collect();
    assert!(cache == told_of_cache[told_of_cache.len() - 64..]);
    // The first failure of `db` is older than what a subscriber can miss.
    let mut told = told.iter();
    let in_order = history[1..].iter().all(|kept| told.any(|t| t == kept));
    assert!(in_order, "{history:?}");
    assert_eq!(history[0].subject.to_string(), "readiness/db");
}

#[tokio::test(start_paused = true)]
async fn the_number_for_each_can_be_set() {
    let builder = with(|limits| limits.history_per_check = 3);
    let health = builder.readiness(flapping("cache", 8)).start().unwrap();
    lapse(secs(100)).await;
    assert_eq!(of(&health, "readiness/cache").len(), 3);
    assert_eq!(of(&health, "readiness").len(), 3);
    assert_eq!(health.history().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn long_texts_leave_room_for_fewer_transitions_and_the_latest_is_kept() {
    // Each failure has 4 KiB, each pass nothing: four failures, and the passes around them.
    let builder = with(|limits| limits.history_bytes_per_check = 16 * 1024);
    let health = builder.readiness(flapping("cache", 5000)).start().unwrap();
    lapse(secs(100)).await;
    let cache = of(&health, "readiness/cache");
    let failures = cache.iter().filter(|t| t.output.is_some()).count();
    assert_eq!(failures, 4);
    assert!((8..=9).contains(&cache.len()), "{}", cache.len());

    let builder = with(|limits| limits.history_bytes_per_check = 1);
    let health = builder.readiness(flapping("cache", 5000)).start().unwrap();
    for _ in 0..10 {
        lapse(secs(1)).await;
        let latest = of(&health, "readiness/cache");
        assert!((1..=2).contains(&latest.len()), "{}", latest.len());
        let texts = latest.iter().filter(|t| t.output.is_some()).count();
        assert!(texts <= 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_history_of_a_check_goes_with_the_check() {
    let health = steady().readiness(flapping("cache", 8)).start().unwrap();
    lapse(secs(10)).await;
    assert!(!of(&health, "readiness/cache").is_empty());
    let before = of(&health, "readiness");
    health.remove_readiness("cache").await.unwrap();
    assert_eq!(of(&health, "readiness/cache"), []);
    let probe = of(&health, "readiness");
    assert_eq!(probe[..before.len()], before, "that of the probe stays");

    // Another check of that name begins its own.
    health.add_readiness(flapping("cache", 8)).await.unwrap();
    lapse(secs(1)).await;
    let cache = of(&health, "readiness/cache");
    assert_eq!(cache[0].from, None);
}
