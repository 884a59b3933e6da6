//! Transitions that are too many or too old.

use std::time::{Duration, SystemTime};

use tower_health::recorder::{Selection, Simulation};

use super::{DAY, HOUR, START, Store, at, check};

/// One each second from `START` on.
async fn flap(process: &mut Simulation, name: &str, times: u64) {
    let times = (0..times).map(|number| at(START + number));
    let flapped = process.flap(&check(name), times, at(START + HOUR)).await;
    flapped.unwrap();
}

async fn times(store: &impl Store, name: &str, instance: &str) -> Vec<SystemTime> {
    let selection = Selection::check(name).instance(instance);
    let always = at(0)..at(START + 100 * 365 * DAY);
    let found = store.archive().transitions(always, selection).await;
    let found = found.unwrap();
    found.iter().map(|found| found.transition().time).collect()
}

/// As many as [`Retention`](tower_health::recorder::Retention) keeps by default.
pub(crate) async fn the_latest_thousand_of_each_check_and_instance_stay(store: &impl Store) {
    let mut one = store.process("one", at(START)).await;
    let mut two = store.process("two", at(START)).await;
    flap(&mut one, "db", 3_300).await;
    flap(&mut one, "cache", 1_000).await;
    flap(&mut two, "db", 999).await;
    // Each pass has one transaction, and a transaction deletes a thousand.
    let passes = one.tidy(at(START + HOUR), 1).await.unwrap();
    assert_eq!(passes, 3);
    let latest: Vec<_> = (2_300..3_300).map(|number| at(START + number)).collect();
    assert_eq!(times(store, "db", "one").await, latest);
    assert_eq!(times(store, "cache", "one").await.len(), 1_000);
    assert_eq!(times(store, "db", "two").await.len(), 999);
}

pub(crate) async fn those_of_more_than_a_year_go(store: &impl Store) {
    let mut one = store.process("one", at(START)).await;
    flap(&mut one, "db", 5).await;
    let year = Duration::from_secs(365 * DAY);
    one.tidy(at(START) + year, 1_000).await.unwrap();
    assert_eq!(times(store, "db", "one").await.len(), 5);
    one.tidy(at(START + 2) + year, 1_000).await.unwrap();
    let left = [2, 3, 4].map(|number| at(START + number));
    assert_eq!(times(store, "db", "one").await, left);
}
