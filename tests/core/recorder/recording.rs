//! What of a health is recorded.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tower_health::recorder::{Recorder, RecorderBuilder, Selection};
use tower_health::{
    Cause, Check, Health, Observation, Probe, Status, Subject, Transition, indicator_fn,
};

use super::File;
use crate::support::recorded::{
    HOUR, Store, buckets, health_of, healthy, passed, passed_lately, run_db,
};

/// One that writes only when it is told to.
pub(super) fn builder(file: &File) -> RecorderBuilder {
    Recorder::sqlite(file.path())
        .service("shop")
        .instance("shop-1")
        .interval(Duration::from_secs(45 * 60))
}

fn lately() -> std::ops::Range<SystemTime> {
    let now = SystemTime::now();
    now - Duration::from_secs(HOUR)..now + Duration::from_secs(HOUR)
}

#[tokio::test]
async fn each_run_is_recorded_once_however_often_it_is_written() {
    let file = File::new();
    let health = healthy().await;
    let recorder = builder(&file).start(&health).unwrap();
    for _ in 0..3 {
        run_db(&health, 2).await;
        recorder.flush().await.unwrap();
        recorder.flush().await.unwrap();
    }
    let recorded = recorder.history(lately(), "db").await.unwrap();
    let runs = health.runs(Probe::Readiness, "db").unwrap();
    assert_eq!(
        buckets(&recorded),
        runs.minutes().copied().collect::<Vec<_>>()
    );
    assert_eq!(passed(&recorded), 7);
    assert_eq!(recorded[0].service(), "shop");
    assert_eq!(recorded[0].check().to_string(), "readiness/db");
    let stats = recorder.stats();
    assert!(stats.last_written.is_some() && stats.failing_since.is_none());
    assert_eq!((stats.failures, stats.lost_minutes), (0, 0));
}

#[tokio::test]
async fn transitions_are_recorded_as_they_were_announced_without_secrets() {
    let file = File::new();
    let is_up = Arc::new(AtomicBool::new(true));
    let health = health_of(&is_up).await;
    let recorder = builder(&file).start(&health).unwrap();
    for up in [false, true, false] {
        is_up.store(up, Ordering::Relaxed);
        run_db(&health, 2).await;
        recorder.flush().await.unwrap();
        recorder.flush().await.unwrap();
    }
    let recorded = recorder
        .transitions(lately(), Selection::all())
        .await
        .unwrap();
    let of = |subject: &Subject, all: &[Transition]| {
        let of = all
            .iter()
            .filter(|transition| transition.subject == *subject);
        of.cloned().map(to_micros).collect::<Vec<_>>()
    };
    let all: Vec<_> = recorded
        .iter()
        .map(|recorded| recorded.transition().clone())
        .collect();
    let db = Subject::Check {
        probe: Probe::Readiness,
        name: "db".to_owned(),
    };
    let announced = health.history();
    for subject in [&db, &Subject::Probe(Probe::Readiness)] {
        assert_eq!(of(subject, &all), of(subject, &announced), "{subject}");
    }
    assert_eq!(all.len(), announced.len());
    let last = recorder
        .transitions(lately(), &db)
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!((last.service(), last.instance()), ("shop", "shop-1"));
    let last = last.transition();
    assert_eq!((last.to, last.cause), (Status::Fail, Some(Cause::Failed)));
    assert_eq!(last.output.as_deref(), Some("refused, password=***"));
    assert_eq!(last.consecutive_failures, 1);

    recorder.finish().await.unwrap();
    let bytes = fs::read(file.path()).unwrap();
    let bytes = String::from_utf8_lossy(&bytes);
    assert!(bytes.contains("refused, password=***") && !bytes.contains("hunter2"));
}

fn to_micros(mut transition: Transition) -> Transition {
    let since = transition.time.duration_since(UNIX_EPOCH).unwrap();
    let micros = |time: Duration| Duration::from_micros(time.as_micros().try_into().unwrap());
    transition.time = UNIX_EPOCH + micros(since);
    transition.duration = transition.duration.map(micros);
    transition.lateness = micros(transition.lateness);
    transition
}

#[tokio::test]
async fn instances_are_summed_up_unless_one_is_selected() {
    let file = File::new();
    for (instance, runs) in [("shop-1", 1), ("shop-2", 4)] {
        let health = healthy().await;
        let recorder = builder(&file).instance(instance).start(&health).unwrap();
        run_db(&health, runs).await;
        recorder.finish().await.unwrap();
    }
    let archive = file.archive();
    assert_eq!(passed_lately(&archive).await, 7);
    for (selection, expected) in [
        (Selection::check("db").instance("shop-2"), 5),
        (Selection::all().service("shop"), 7),
        (Selection::check("db").service("mill"), 0),
        (Selection::check("db").probe(Probe::Startup), 0),
        (Selection::check("other"), 0),
    ] {
        let recorded = archive.history(lately(), selection.clone()).await.unwrap();
        assert_eq!(passed(&recorded), expected, "{selection:?}");
    }
}

#[tokio::test]
async fn a_restart_within_a_minute_adds_to_what_is_there() {
    let file = File::new();
    for round in 1..=3 {
        let health = healthy().await;
        let recorder = builder(&file).start(&health).unwrap();
        run_db(&health, 1).await;
        recorder.finish().await.unwrap();
        assert_eq!(passed_lately(&file.archive()).await, 2 * round);
    }
}

#[tokio::test]
async fn a_check_that_is_removed_and_added_again_erases_nothing() {
    let file = File::new();
    let health = healthy().await;
    let recorder = builder(&file).start(&health).unwrap();
    run_db(&health, 4).await;
    recorder.flush().await.unwrap();
    let again = || {
        let passes = async || Ok::<_, std::io::Error>(Observation::pass());
        Check::new(indicator_fn("db", passes)).ttl(Duration::from_secs(HOUR))
    };
    for is_seen_without in [true, false] {
        health.remove_readiness("db").await.unwrap();
        if is_seen_without {
            recorder.flush().await.unwrap();
        }
        health.add_readiness(again()).await.unwrap();
        run_db(&health, 1).await;
        recorder.flush().await.unwrap();
    }
    let runs = health.runs(Probe::Readiness, "db").unwrap().samples().len();
    let recorded = passed_lately(recorder.archive()).await;
    // The first run of the second check may have been joined by the one that was asked for.
    assert!(
        (5 + 2..=5 + 4).contains(&recorded),
        "{recorded}, of which {runs} in the last one"
    );
}

#[tokio::test]
async fn a_check_that_is_added_again_and_runs_more_often_erases_nothing() {
    let file = File::new();
    let health = healthy().await;
    let recorder = builder(&file).start(&health).unwrap();
    recorder.flush().await.unwrap();
    health.remove_readiness("db").await.unwrap();
    let passes = async || Ok::<_, std::io::Error>(Observation::pass());
    let again = Check::new(indicator_fn("db", passes)).ttl(Duration::from_secs(HOUR));
    health.add_readiness(again).await.unwrap();
    run_db(&health, 6).await;
    recorder.flush().await.unwrap();
    let runs = health.runs(Probe::Readiness, "db").unwrap().samples().len();
    assert_eq!(passed_lately(recorder.archive()).await as usize, 1 + runs);
}

#[tokio::test]
async fn probes_pass_and_checks_run_while_it_records_by_itself() {
    let file = File::new();
    let health = Health::builder()
        .ttl(Duration::from_millis(50))
        .readiness(indicator_fn("db", async || Ok::<_, std::io::Error>(())))
        .start()
        .unwrap();
    let recorder = builder(&file)
        .interval(Duration::from_secs(1))
        .start(&health);
    let recorder = recorder.unwrap();
    crate::support::eventually("it writes", async || recorder.stats().written_minutes > 2).await;
    assert!(passed_lately(recorder.archive()).await > 0);
    assert_eq!(recorder.stats().failures, 0);
}
