//! When the runtime of the refresher has ended, and everything that was ever ready with it.
//!
//! Ports U1 of the peers' tables as far as it can be seen from outside. These tests run on the
//! real clock, since a paused one ends with its runtime.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tower_health::{Cause, Criticality, Health, HealthBuilder, Probe, RefresherState, Status};

use super::support::{Script, readiness};
use crate::support::{millis, secs, steady, wait_until};

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

/// Starts on a runtime, lets it become ready, and ends the runtime.
fn outlived(health: impl FnOnce() -> HealthBuilder) -> Health {
    let runtime = runtime();
    let health = {
        let _context = runtime.enter();
        health().start_on(runtime.handle()).unwrap()
    };
    wait_until("ready", || readiness(&health) == Status::Pass);
    runtime.shutdown_timeout(Duration::from_secs(5));
    health
}

#[test]
fn readiness_fails_when_its_runtime_is_gone_and_the_report_names_what_is_stale() {
    let health = outlived(|| {
        let db = Script::passing().check("db").ttl(millis(20));
        let slow = Script::passing().check("slow").ttl(secs(60));
        steady()
            .readiness(db.stale_after(millis(200)))
            .readiness(slow)
    });
    wait_until("stale", || readiness(&health) == Status::Fail);
    assert_eq!(health.status(Probe::Liveness), Status::Pass);
    let snapshot = health.snapshot();
    assert_eq!(snapshot.status(Probe::Readiness), Status::Fail);
    let report = snapshot.report(Probe::Readiness);
    let gone = "the refresher is gone: its tokio runtime has ended";
    assert_eq!(report.notes(), ["db fails", gone]);
    assert_eq!(report.reasons(), [gone]);
    let output = report.output().unwrap();
    let stale = output.strip_prefix(&format!("{gone}; db: ")).unwrap();
    assert!(stale.starts_with("stale: the last run ended "), "{output}");
    assert_eq!(snapshot.refresher(), RefresherState::Gone);
    assert_eq!(snapshot.cause(Probe::Readiness), Some(Cause::Stale));
}

#[test]
fn a_non_critical_check_that_outlived_its_runtime_warns() {
    let health = outlived(|| {
        let cache = Script::passing().check("cache").ttl(millis(20));
        let cache = cache.stale_after(millis(200));
        steady().readiness(cache.criticality(Criticality::NonCritical))
    });
    wait_until("stale", || readiness(&health) == Status::Warn);
    assert_eq!(health.snapshot().status(Probe::Readiness), Status::Warn);
}

#[test]
fn orders_fail_when_the_runtime_is_gone_however_often_they_are_given() {
    let health = outlived(|| steady().readiness(Script::passing().check("db")));
    let other = runtime();
    let check = || Script::passing().check("cache");
    for _ in 0..2 {
        let added = other.block_on(health.add_readiness(check()));
        let removed = other.block_on(health.remove_readiness("db"));
        for error in [added.unwrap_err(), removed.unwrap_err()] {
            assert!(error.is_runtime(), "{error}");
            let text =
                "the refresher is not running: its tokio runtime has ended, or the health is fixed";
            assert_eq!(error.to_string(), text);
        }
    }
}

#[test]
fn no_caller_waits_forever_for_what_has_ended() {
    let health = outlived(|| {
        let db = Script::passing().check("db").ttl(millis(20));
        steady().readiness(db.stale_after(millis(200)))
    });
    wait_until("stale", || readiness(&health) == Status::Fail);
    let mut transitions = health.subscribe();
    let other = runtime();
    assert!(other.block_on(health.await_ready()).is_err());
    drop(health);
    assert!(other.block_on(transitions.next()).is_none());
}

#[test]
fn the_process_itself_still_has_its_say_when_the_runtime_is_gone() {
    let health = outlived(|| steady().readiness(Script::passing().check("db")));
    assert_eq!(readiness(&health), Status::Pass, "it is not stale yet");
    health.refuse_traffic("no");
    assert_eq!(readiness(&health), Status::Fail);
    assert_eq!(health.snapshot().status(Probe::Readiness), Status::Fail);
    health.accept_traffic();
    health.drain();
    assert_eq!(readiness(&health), Status::Fail);
    health.mark_broken("no");
    assert_eq!(health.status(Probe::Liveness), Status::Fail);
}

#[test]
fn a_health_cannot_start_without_a_runtime_or_without_its_timer() {
    let error = steady().start().unwrap_err();
    assert!(error.is_runtime(), "{error}");

    let bare = Builder::new_current_thread().build().unwrap();
    let error = steady().start_on(bare.handle()).unwrap_err();
    assert!(error.is_runtime(), "{error}");
    assert!(error.to_string().contains("enable_time"), "{error}");
}
