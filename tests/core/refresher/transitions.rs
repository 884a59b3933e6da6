//! Transitions: the refresher announces each change exactly once, to every subscriber.
//!
//! Ports D7, D9, D11, D15 and D16 of the peers' tables, and U8. D10, D12 and D14 have no like here:
//! liveness takes no checks, there is no check without settings, and no part counts aggregates. D19
//! to D21 are the exposure tests' business.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::timeout;
use tower_health::{Criticality, Health, Probe, Status, Subject};

use super::support::{Script, Step, fail, hang, panics, pass, readiness, told, warn};
use crate::support::{lapse, millis, secs, settle, steady};

#[tokio::test(start_paused = true)]
async fn a_flapping_check_is_announced_once_for_each_change() {
    let db = Script::new([
        pass(),
        pass(),
        fail("one"),
        fail("other"),
        pass(),
        warn("slow"),
        warn("slower"),
        fail("one"),
        pass(),
    ]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    let mut transitions = health.subscribe();
    lapse(secs(60)).await;
    assert_eq!(
        told(&mut transitions).await,
        [
            "readiness/db: new -> pass",
            "readiness: fail -> pass",
            "readiness/db: pass -> fail",
            "readiness: pass -> fail",
            "readiness/db: fail -> pass",
            "readiness: fail -> pass",
            "readiness/db: pass -> warn",
            "readiness: pass -> warn",
            "readiness/db: warn -> fail",
            "readiness: warn -> fail",
            "readiness/db: fail -> pass",
            "readiness: fail -> pass",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_transition_is_written_as_one_line() {
    let db = Script::new([pass(), fail("refused\nsee above")]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    lapse(secs(2)).await;
    let lines: Vec<_> = health.history().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "readiness/db: new -> pass",
            "readiness: fail -> pass",
            r"readiness/db: pass -> fail (failed): refused\nsee above",
            r"readiness: pass -> fail (failed): db: refused\nsee above",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn results_below_a_threshold_are_no_change() {
    let db = Script::new([pass(), fail("no"), pass(), fail("no"), fail("no"), pass()]);
    let check = db.check("db").failure_threshold(2);
    let health = steady().readiness(check).start().unwrap();
    let mut transitions = health.subscribe();
    lapse(secs(30)).await;
    assert_eq!(told(&mut transitions).await.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_announced_only_when_its_own_status_changes() {
    let health = steady()
        .readiness(Script::new([pass(), fail("no")]).check("one"))
        .readiness(Script::new([pass(), pass(), fail("no")]).check("two"))
        .start()
        .unwrap();
    let mut transitions = health.subscribe();
    settle().await;
    told(&mut transitions).await;
    lapse(secs(3)).await;
    assert_eq!(
        told(&mut transitions).await,
        [
            "readiness/one: pass -> fail",
            "readiness: pass -> fail",
            "readiness/two: pass -> fail",
        ]
    );
}

// D9, D11 and D16.
#[tokio::test(start_paused = true)]
async fn a_failure_reaches_the_probe_that_it_counts_for() {
    let (db, cache) = (Script::passing(), Script::passing());
    let health = steady()
        .readiness(db.check("db"))
        .readiness(cache.check("cache").criticality(Criticality::NonCritical))
        .start()
        .unwrap();
    let probes = [Probe::Liveness, Probe::Readiness, Probe::Startup];
    let statuses = |health: &Health| probes.map(|probe| health.status(probe));
    let (ok, bad) = (Status::Pass, Status::Fail);
    assert_eq!(statuses(&health), [ok, bad, ok], "nothing ran yet");
    settle().await;
    assert_eq!(statuses(&health), [ok, ok, ok]);

    cache.set_step(fail("no"));
    lapse(secs(1)).await;
    assert_eq!(statuses(&health), [ok, Status::Warn, ok]);
    db.set_step(fail("no"));
    lapse(secs(1)).await;
    assert_eq!(statuses(&health), [ok, bad, ok]);
    cache.set_step(pass());
    lapse(secs(1)).await;
    assert_eq!(statuses(&health), [ok, bad, ok]);
    db.set_step(pass());
    lapse(secs(1)).await;
    assert_eq!(statuses(&health), [ok, ok, ok]);
}

#[tokio::test(start_paused = true)]
async fn a_transition_says_why_and_as_what_it_counts() {
    let db = Script::new([fail("postgres://app:hunter2@db/main is gone")]);
    let check = db.check("db").criticality(Criticality::NonCritical);
    let health = steady().readiness(check).start().unwrap();
    let mut transitions = health.subscribe();
    let first = transitions.next().await.unwrap();
    let (probe, name) = (Probe::Readiness, "db".to_owned());
    assert_eq!(first.subject, Subject::Check { probe, name });
    assert_eq!((first.from, first.to), (None, Status::Warn));
    let output = "postgres://***@db/main is gone";
    assert_eq!(first.output.as_deref(), Some(output));
}

// D15 and U8: checks go on during a drain, and nothing that they bring takes it back.
#[tokio::test(start_paused = true)]
async fn a_drain_under_flapping_checks_is_announced_once_and_stands() {
    let flapping = || {
        let steps = [pass(), fail("no"), panics("boom"), warn("slow")];
        Script::new(steps.iter().cycle().take(4_000).cloned())
    };
    let (db, cache) = (flapping(), flapping());
    let health = Health::builder()
        .jitter_seed(9)
        .readiness(db.check("db").ttl(millis(10)))
        .readiness(
            cache
                .check("cache")
                .ttl(millis(7))
                .criticality(Criticality::NonCritical),
        )
        .start()
        .unwrap();
    let mut transitions = health.subscribe();
    let flips = |lines: &[String]| {
        let of_probe = |line: &&String| line.starts_with("readiness: ");
        lines.iter().filter(of_probe).cloned().collect::<Vec<_>>()
    };
    lapse(secs(1)).await;
    let before = flips(&told(&mut transitions).await);
    assert!(before.len() > 20, "{before:?}");
    // Every line begins where the one before it ended: none is missing, none is announced twice.
    let ends = |line: &String| {
        let (_, change) = line.split_once(": ").unwrap();
        let (from, to) = change.split_once(" -> ").unwrap();
        (from.to_owned(), to.to_owned())
    };
    for pair in before.windows(2) {
        assert_eq!(ends(&pair[0]).1, ends(&pair[1]).0);
    }

    let runs = db.runs();
    health.drain();
    assert_eq!(readiness(&health), Status::Fail);
    let mut after = Vec::new();
    for _ in 0..100 {
        lapse(millis(100)).await;
        assert_eq!(readiness(&health), Status::Fail);
        after.extend(flips(&told(&mut transitions).await));
    }
    assert!(after.len() <= 1, "{after:?}");
    assert!(after.iter().all(|line| line.ends_with("-> fail")));
    assert!(db.runs() > runs + 500, "checks go on");
}

#[tokio::test(start_paused = true)]
async fn every_subscriber_gets_what_comes_after_it_subscribed() {
    let db = Script::new([pass(), fail("no"), pass()]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    let (mut early, mut twin) = (health.subscribe(), health.subscribe());
    lapse(millis(500)).await;
    let mut late = health.subscribe();
    lapse(secs(2)).await;
    let all = told(&mut early).await;
    assert_eq!(all.len(), 6);
    assert_eq!(told(&mut twin).await, all);
    assert_eq!(told(&mut late).await, all[2..]);
}

// Two transitions for each of the changes; 1,024 are kept.
#[tokio::test(start_paused = true)]
async fn a_subscriber_that_lags_loses_the_oldest_and_knows_how_many() {
    let steps: [Step; 2] = [pass(), fail("no")];
    let db = Script::new(steps.iter().cycle().take(1_000).cloned());
    let check = db.check("db").ttl(millis(10));
    let health = steady().readiness(check).start().unwrap();
    let (mut slow, mut quick) = (health.subscribe(), health.subscribe());
    let mut all = Vec::new();
    for _ in 0..100 {
        lapse(millis(100)).await;
        all.extend(told(&mut quick).await);
    }
    lapse(secs(5)).await;
    all.extend(told(&mut quick).await);
    // The first failure is a change of the check, but not of readiness, which failed before.
    assert_eq!((all.len(), quick.missed()), (2_000, 0));
    let kept = told(&mut slow).await;
    assert_eq!(slow.missed() as usize, all.len() - kept.len());
    assert_eq!(kept.len(), 1_024);
    assert_eq!(kept, all[all.len() - 1_024..]);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_transition_can_be_given_up_without_loss() {
    let db = Script::new([pass().after(secs(1))]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    let mut transitions = health.subscribe();
    for _ in 0..9 {
        let waited = timeout(Duration::from_millis(100), transitions.next()).await;
        assert!(waited.is_err());
    }
    lapse(secs(1)).await;
    assert_eq!(told(&mut transitions).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_never_ends_is_announced_once() {
    let db = Script::new([hang()]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    let mut transitions = health.subscribe();
    lapse(secs(120)).await;
    assert_eq!(told(&mut transitions).await, ["readiness/db: new -> fail"]);
}

#[tokio::test(start_paused = true)]
async fn transitions_are_a_stream_that_ends_with_the_health() {
    let db = Script::new([pass(), fail("refused"), pass()]);
    let health = steady().readiness(db.check("db")).start().unwrap();
    let transitions = health.subscribe();
    lapse(millis(2_500)).await;
    drop(health);
    let lines: Vec<_> = transitions
        .map(|transition| format!("{} {}", transition.subject, transition.to))
        .collect()
        .await;
    let expected = ["pass", "fail", "pass"]
        .into_iter()
        .flat_map(|to| [format!("readiness/db {to}"), format!("readiness {to}")]);
    assert_eq!(lines, expected.collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_behind_counts_what_it_lost_and_goes_on() {
    let db = Script::passing();
    let health = steady().readiness(db.check("db")).start().unwrap();
    let mut transitions = health.subscribe();
    settle().await;
    for turn in 0..600 {
        db.set_step(if turn % 2 == 0 {
            fail("refused")
        } else {
            pass()
        });
        lapse(secs(1)).await;
    }
    let read = transitions.by_ref().take(1_024).count().await;
    assert_eq!(read, 1_024);
    // Two for the first pass, and two for each of the 600 changes.
    assert_eq!(transitions.missed(), 1_202 - 1_024);
}
