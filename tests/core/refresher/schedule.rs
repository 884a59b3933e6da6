//! When checks run: at once, then on the TTL, spread by jitter, and never because of a request.
//!
//! Ports D17 and B2 of the peers' tables, and U3.

use std::time::Duration;

use tower_health::{Health, Probe, Status};

use super::support::{Script, fail, hang, pass, probe, readiness, state};
use crate::support::{lapse, millis, secs, settle, steady};

/// Starts this many checks with a TTL of 10 s and says when each ran within the first minute.
async fn starts(
    checks: usize,
    health: impl FnOnce() -> tower_health::HealthBuilder,
) -> Vec<Vec<Duration>> {
    let scripts: Vec<_> = (0..checks).map(|_| Script::passing()).collect();
    let mut builder = health().ttl(secs(10));
    for (index, script) in scripts.iter().enumerate() {
        builder = builder.readiness(script.check(format!("check-{index}")));
    }
    let _health = builder.start().unwrap();
    lapse(secs(60)).await;
    scripts.iter().map(|script| script.starts()).collect()
}

#[tokio::test(start_paused = true)]
async fn every_check_runs_at_once_and_then_exactly_on_the_ttl_without_jitter() {
    let starts = starts(3, steady).await;
    for starts in starts {
        assert_eq!(starts[..6], [0, 10, 20, 30, 40, 50].map(secs));
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_repeat_falls_anywhere_within_a_ttl() {
    let starts = starts(400, || Health::builder().jitter_seed(3)).await;
    let mut tenths = [0; 10];
    for starts in &starts {
        assert_eq!(starts[0], Duration::ZERO);
        let first = starts[1];
        assert!(first <= secs(10) + millis(1), "{first:?}");
        tenths[(first.as_secs() as usize).min(9)] += 1;
    }
    // 40 are expected in each; with this seed nothing here is left to chance.
    assert!(tenths.iter().all(|count| *count > 15), "{tenths:?}");
}

#[tokio::test(start_paused = true)]
async fn later_repeats_vary_by_a_tenth_of_the_ttl() {
    let starts = starts(100, || Health::builder().jitter_seed(5)).await;
    let later = starts.iter().flat_map(|starts| starts[1..].windows(2));
    let delays: Vec<_> = later.map(|pair| pair[1] - pair[0]).collect();
    assert!(delays.len() > 400);
    // Timers go by the millisecond.
    let (least, most) = (*delays.iter().min().unwrap(), *delays.iter().max().unwrap());
    assert!(
        least >= secs(9) && most <= secs(11) + millis(1),
        "{least:?} {most:?}"
    );
    assert!(
        least < millis(9_300) && most > millis(10_700),
        "{least:?} {most:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_seed_repeats_the_schedule_and_no_seed_does_not() {
    let seeded = |seed| move || Health::builder().jitter_seed(seed);
    let one = starts(10, seeded(1)).await;
    assert_eq!(one, starts(10, seeded(1)).await);
    assert_ne!(one, starts(10, seeded(2)).await);
    let unseeded = starts(10, Health::builder).await;
    assert_ne!(unseeded, starts(10, Health::builder).await);
}

#[tokio::test(start_paused = true)]
async fn the_ttl_counts_from_the_end_of_a_run() {
    let db = Script::new([pass().after(millis(300))]);
    let _health = steady().readiness(db.check("db")).start().unwrap();
    lapse(secs(5)).await;
    assert_eq!(db.starts(), [0, 1_300, 2_600, 3_900].map(millis));
}

// run:      pass . . . . fail fail fail pass . . . . pass
// time:     0            10   11   12   13           23
#[tokio::test(start_paused = true)]
async fn a_failing_check_runs_on_its_failing_ttl_until_it_passes() {
    let db = Script::new([pass(), fail("no"), fail("no"), fail("no"), pass()]);
    let check = db.check("db").ttl(secs(10)).failing_ttl(secs(1));
    let _health = steady().readiness(check).start().unwrap();
    lapse(secs(30)).await;
    assert_eq!(db.starts(), [0, 10, 11, 12, 13, 23].map(secs));
}

#[tokio::test(start_paused = true)]
async fn the_failing_ttl_applies_from_when_the_failures_count() {
    let db = Script::new([
        pass(),
        fail("no"),
        fail("no"),
        fail("no"),
        pass(),
        pass(),
        pass(),
    ]);
    let check = db
        .check("db")
        .ttl(secs(10))
        .failing_ttl(secs(1))
        .failure_threshold(2)
        .success_threshold(2);
    let _health = steady().readiness(check).start().unwrap();
    lapse(secs(40)).await;
    assert_eq!(db.starts(), [0, 10, 20, 21, 22, 23, 33].map(secs));
}

// run:      pass . . . . fail fail pass . . . . fail pass . . . . fail fail fail fail
// time:     0            10   10.1 10.2         20.2 20.3         30.3 30.4 30.5 31.5
// readyz:   200                                                             503
#[tokio::test(start_paused = true)]
async fn a_failure_below_the_threshold_is_confirmed_on_the_suspect_ttl() {
    let db = Script::new([
        pass(),
        fail("no"),
        fail("no"),
        pass(),
        fail("no"),
        pass(),
        fail("no"),
    ]);
    let check = db
        .check("db")
        .ttl(secs(10))
        .failing_ttl(secs(1))
        .suspect_ttl(millis(100))
        .failure_threshold(3);
    let health = steady().readiness(check).start().unwrap();
    lapse(millis(30_450)).await;
    assert_eq!(health.status(Probe::Readiness), Status::Pass);
    lapse(millis(2_000)).await;
    assert_eq!(health.status(Probe::Readiness), Status::Fail);
    let expected = [
        0, 10_000, 10_100, 10_200, 20_200, 20_300, 30_300, 30_400, 30_500, 31_500,
    ];
    assert_eq!(db.starts(), expected.map(millis));
}

#[tokio::test(start_paused = true)]
async fn a_suspect_ttl_longer_than_the_ttl_counts_as_the_ttl() {
    let db = Script::new([pass(), fail("no")]);
    let check = db
        .check("db")
        .ttl(secs(1))
        .suspect_ttl(secs(60))
        .failure_threshold(10);
    let _health = steady().readiness(check).start().unwrap();
    lapse(millis(3_500)).await;
    assert_eq!(db.starts(), [0, 1, 2, 3].map(secs));
}

#[tokio::test(start_paused = true)]
async fn a_check_that_never_passed_runs_on_its_failing_ttl() {
    let db = Script::new([fail("no")]);
    let check = db.check("db").ttl(secs(10)).failing_ttl(secs(2));
    let _health = steady().readiness(check).start().unwrap();
    lapse(secs(5)).await;
    assert_eq!(db.starts(), [0, 2, 4].map(secs));
}

#[tokio::test(start_paused = true)]
async fn each_check_has_a_ttl_of_its_own() {
    let (often, seldom) = (Script::passing(), Script::passing());
    let _health = steady()
        .readiness(often.check("often").ttl(millis(500)))
        .readiness(seldom.check("seldom").ttl(secs(3)))
        .start()
        .unwrap();
    lapse(millis(6_050)).await;
    assert_eq!((often.runs(), seldom.runs()), (13, 3));
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_concurrent_askers_run_no_check() {
    let (db, hung) = (Script::passing(), Script::new([hang()]));
    let health = steady()
        .readiness(db.check("db"))
        .readiness(hung.check("hung"))
        .start()
        .unwrap();
    settle().await;
    let askers: Vec<_> = (0..10_000)
        .map(|_| {
            let health = health.clone();
            tokio::spawn(async move {
                let (code, _) = probe(&health, Probe::Readiness).await;
                (readiness(&health), code)
            })
        })
        .collect();
    for asker in askers {
        assert_eq!(asker.await.unwrap(), (Status::Fail, 503));
    }
    assert_eq!((db.runs(), hung.runs()), (1, 1));
}

// B6: the time of the last run and how long it took follow every run.
#[tokio::test(start_paused = true)]
async fn what_is_known_of_the_last_run_follows_every_run() {
    let db = Script::new([pass().after(millis(300)), pass().after(millis(700))]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    assert_eq!(state(&health, "db").duration(), None);
    assert_eq!(state(&health, "db").time(), None);
    lapse(millis(400)).await;
    let first = state(&health, "db");
    assert_eq!(first.duration(), Some(millis(300)));
    lapse(secs(2)).await;
    let second = state(&health, "db");
    assert_eq!(second.duration(), Some(millis(700)));
    assert!(second.time().unwrap() > first.time().unwrap());
}
