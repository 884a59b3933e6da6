//! What is told after a publication, and when the next look is due.

use tokio::sync::broadcast;
use tokio::time::{sleep, timeout};

use super::*;
use crate::{Check, Criticality, Health, Limits, indicator_fn};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn publication() -> (Health, Publication) {
    let (health, publisher) = Health::fixed_with_publisher(Status::Pass);
    let notifier = Notifier::new(broadcast::Sender::new(8), 8, Vec::new(), publisher.state());
    (health, Publication::new(publisher, notifier))
}

/// Lets time pass without a turn for any task.
fn blocked(time: u64) {
    clock::jump(millis(time));
}

/// Returns the readiness that a reader sees once after each of these pauses, before any task has a
/// turn, and then the changes of it that are told.
///
/// The result of a check that only warns is valid for 3 s, that of another for `valid`, and 10 s of
/// lateness are forgiven.
async fn seen_and_told(valid: u64, pauses: &[u64]) -> (Vec<Status>, Vec<Status>) {
    let check = |name, stale_after| {
        let passing = indicator_fn(name, async || Ok::<_, String>(()));
        Check::new(passing)
            .ttl(millis(1_000))
            .stale_after(millis(stale_after))
    };
    let health = Health::builder()
        .jitter(0.0)
        .limits(Limits {
            lateness: millis(10_000),
            ..Limits::default()
        })
        .readiness(check("db", valid))
        .readiness(check("cache", 3_000).criticality(Criticality::NonCritical))
        .start()
        .unwrap();
    sleep(millis(500)).await;
    let mut transitions = health.subscribe();
    let look = |pause: &u64| {
        blocked(*pause);
        health.status(Probe::Readiness)
    };
    let seen = pauses.iter().map(look).collect();
    let mut told = Vec::new();
    while let Ok(Some(next)) = timeout(millis(100), transitions.next()).await {
        if next.subject == Subject::Probe(Probe::Readiness) {
            told.push(next.to);
        }
    }
    (seen, told)
}

// Whoever is told wakes up, for which the scheduler makes room.
#[tokio::test(start_paused = true)]
async fn a_publication_tells_whether_anybody_was_told() {
    let (health, mut publication) = publication();
    let now = clock::now();
    let mut publish = || {
        publication.due_by(now);
        publication.publish_if_due(&BTreeMap::new(), None, now)
    };
    assert!(!publish());
    health.drain();
    assert!(publish());
    assert!(!publish());
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_looked_at_seldom_and_when_one_is_due() {
    for (deadline, look) in [
        (3_600_000, 1_000),
        (2_000, 500),
        (200, 100),
        (50, 50),
        (5, 10),
    ] {
        let (health, mut publication) = publication();
        let deadline = Duration::from_millis(deadline);
        let _beats = health.heartbeat("consumer", deadline).unwrap();
        let now = clock::now();
        publication.look_later(now);
        let at = now + Duration::from_millis(look);
        assert_eq!(publication.next_alarm(), Some(at), "{deadline:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_trace_tells_what_the_reader_saw_who_forgave_lateness() {
    let (seen, told) = seen_and_told(7_000, &[15_000]).await;
    assert_eq!(seen, [Status::Warn]);
    assert_eq!(told, [Status::Warn, Status::Pass]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_a_reader_saw_after_a_warning_leaves_a_trace_too() {
    let (seen, told) = seen_and_told(16_500, &[15_000, 2_000]).await;
    assert_eq!(seen, [Status::Warn, Status::Fail]);
    assert_eq!(
        told,
        [Status::Warn, Status::Fail, Status::Warn, Status::Pass]
    );
}
