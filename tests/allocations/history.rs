//! What the history holds, however much the checks change and say.

use std::sync::Mutex;

use tower_health::{Check, Criticality, Health, Observation, Probe, indicator_fn};

use crate::support::counting::held;
use crate::support::{lapse, secs, settle, steady};

const CHECKS: usize = 20;

/// A check that changes with each run, and fails with a text of this length.
fn flapping(name: &str, length: usize) -> Check {
    let up = Mutex::new(false);
    let check = Check::new(indicator_fn(name, move || {
        let mut up = up.lock().unwrap();
        *up = !*up;
        let result = match *up {
            true => Ok(Observation::pass()),
            false => Err("x".repeat(length)),
        };
        async { result }
    }));
    check.criticality(Criticality::NonCritical)
}

/// The bytes for each check that `runs` runs leave behind.
async fn left_behind(health: &Health, runs: u64) -> isize {
    let before = held();
    lapse(secs(runs)).await;
    assert!(!health.history().is_empty());
    (held() - before) / isize::try_from(CHECKS).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_history_of_a_check_holds_at_most_32_kib() {
    for length in [0, 100, 256, 1000, 5000] {
        let names = (0..CHECKS).map(|n| format!("check-{n}"));
        let builder = names.fold(steady(), |builder, name| {
            builder.readiness(flapping(&name, length))
        });
        let health = builder.start().unwrap();
        let each = left_behind(&health, 100).await;
        println!("{length} bytes of text: {each} bytes for each check");
        assert!(each < 32 * 1024, "{length}: {each}");
        let more = left_behind(&health, 50).await;
        assert!(more.abs() < 1024, "{length}: {more} more");
        // The refresher gives back what it holds before the next one is measured.
        drop(health);
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_that_was_cut_holds_no_more_than_what_is_left() {
    let health = steady().readiness(flapping("db", 60_000)).start().unwrap();
    lapse(secs(1)).await;
    let before = held();
    lapse(secs(1)).await;
    let snapshot = health.snapshot();
    let check = snapshot.checks(Probe::Readiness).next().unwrap();
    assert_eq!(check.output().unwrap().len(), 4096);
    let holds = held() - before;
    println!("a text of 4,096 bytes: {holds} bytes in snapshot, history and slot");
    assert!(holds < 32 * 1024, "{holds}");
}
