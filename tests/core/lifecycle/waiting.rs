//! Waiting: for readiness, and for the next change.

use futures_util::FutureExt;
use tokio::time::{Instant, timeout};
use tower_health::{Criticality, Health, Probe, Status, Subject};

use crate::support::{Dial, lapse, secs, settle, steady};

#[tokio::test(start_paused = true)]
async fn await_ready_returns_at_once_when_readiness_passes_or_warns() {
    for status in [Status::Pass, Status::Warn] {
        let health = steady()
            .readiness(Dial::at(status).check("db"))
            .start()
            .unwrap();
        settle().await;
        let start = Instant::now();
        health.await_ready().await.unwrap();
        assert_eq!(start.elapsed().as_millis(), 0, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn await_ready_waits_for_checks_gates_and_switches() {
    let db = Dial::at(Status::Fail);
    let health = steady()
        .gate("migrations")
        .readiness(db.check("db"))
        .start()
        .unwrap();
    let waiting = tokio::spawn({
        let health = health.clone();
        async move { health.await_ready().await }
    });
    health.refuse_traffic("not yet");
    lapse(secs(10)).await;
    assert!(!waiting.is_finished());

    db.turn(Status::Pass);
    lapse(secs(2)).await;
    assert!(!waiting.is_finished());
    health.gate("migrations").unwrap().complete();
    settle().await;
    assert!(!waiting.is_finished());
    health.accept_traffic();
    waiting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn await_ready_is_never_when_draining() {
    let health = steady()
        .readiness(Dial::at(Status::Fail).check("db"))
        .start()
        .unwrap();
    let waiting = tokio::spawn({
        let health = health.clone();
        async move { health.await_ready().await }
    });
    lapse(secs(10)).await;
    assert!(!waiting.is_finished());
    health.drain();
    let never = timeout(secs(1), waiting)
        .await
        .expect("it is told")
        .unwrap()
        .unwrap_err();
    assert_eq!(
        never.to_string(),
        "readiness can no longer pass: the service is draining, a startup gate failed, or its \
         refresher has ended"
    );
    assert_eq!(health.await_ready().await, Err(never), "asked later");
}

#[test]
fn await_ready_is_never_when_the_runtime_of_the_refresher_has_ended() {
    let runtime = |paused| {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(paused)
            .build()
            .unwrap()
    };
    let background = runtime(false);
    let health = steady()
        .readiness(Dial::at(Status::Fail).check("db"))
        .start_on(background.handle())
        .unwrap();
    drop(background);
    runtime(true).block_on(async {
        health.await_ready().await.unwrap_err();
        let dial = Dial::at(Status::Pass);
        let error = health.add_readiness(dial.check("x")).await.unwrap_err();
        assert!(error.is_runtime());
        let error = health.remove_readiness("db").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the refresher is not running: its tokio runtime has ended, or the health is fixed"
        );
    });
}

#[tokio::test(start_paused = true)]
async fn subscribers_get_every_change_in_order_with_its_reason() {
    let (db, cache) = (Dial::at(Status::Pass), Dial::at(Status::Pass));
    let health = steady()
        .readiness(db.check("db"))
        .readiness(cache.check("cache").criticality(Criticality::NonCritical))
        .start()
        .unwrap();
    settle().await;
    let mut transitions = health.subscribe();
    cache.turn(Status::Fail);
    lapse(secs(1)).await;
    db.turn(Status::Fail);
    lapse(secs(1)).await;
    health.drain();
    settle().await;

    let check = |name: &str| Subject::Check {
        probe: Probe::Readiness,
        name: name.to_owned(),
    };
    let probe = Subject::Probe(Probe::Readiness);
    let (pass, warn, fail) = (Some(Status::Pass), Some(Status::Warn), Some(Status::Fail));
    let expected = [
        (check("cache"), pass, warn, Some("refused")),
        (probe.clone(), pass, warn, Some("cache: refused")),
        (check("db"), pass, fail, Some("refused")),
        (probe, warn, fail, Some("db: refused; cache: refused")),
    ];
    for (subject, from, to, output) in expected {
        let told = transitions.next().await.unwrap();
        assert_eq!(told.subject, subject);
        assert_eq!((told.from, Some(told.to)), (from, to), "{subject}");
        assert_eq!(told.output.as_deref(), output, "{subject}");
    }
    // The drain changes nothing about a probe that fails already.
    drop(health);
    assert_eq!(transitions.next().await, None);
    assert_eq!(transitions.missed(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_shows_a_change_before_it_is_announced() {
    let db = Dial::at(Status::Pass);
    let health = steady().readiness(db.check("db")).start().unwrap();
    settle().await;
    let mut transitions = health.subscribe();
    db.turn(Status::Fail);
    transitions.next().await.unwrap();
    assert_eq!(health.snapshot().status(Probe::Readiness), Status::Fail);
    assert_eq!(health.status(Probe::Readiness), Status::Fail);
}

#[tokio::test(start_paused = true)]
async fn a_drain_is_announced_to_subscribers_with_its_reason() {
    let health = steady().start().unwrap();
    let mut transitions = health.subscribe();
    health.drain();
    let told = transitions.next().await.unwrap();
    assert_eq!(told.subject, Subject::Probe(Probe::Readiness));
    assert_eq!((told.from, told.to), (Some(Status::Pass), Status::Fail));
    assert_eq!(told.output.as_deref(), Some("draining"));
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_is_too_slow_knows_how_much_it_missed() {
    let health: Health = steady().start().unwrap();
    let mut transitions = health.subscribe();
    for _ in 0..600 {
        health.refuse_traffic("no");
        lapse(std::time::Duration::from_millis(2)).await;
        health.accept_traffic();
        lapse(std::time::Duration::from_millis(2)).await;
    }
    drop(health);
    let mut told = 0;
    while transitions.next().await.is_some() {
        told += 1;
    }
    assert_eq!(told, 1024);
    assert_eq!(transitions.missed(), 1200 - 1024);
}

#[tokio::test(start_paused = true)]
async fn the_history_keeps_the_latest_changes_in_order() {
    let health = steady().start().unwrap();
    assert_eq!(health.history(), []);
    let mut transitions = health.subscribe();
    let mut told = Vec::new();
    for round in 0..150 {
        health.refuse_traffic(format!("round {round}, token=hunter2"));
        told.push(transitions.next().await.unwrap());
        health.accept_traffic();
        told.push(transitions.next().await.unwrap());
    }
    assert_eq!(health.history(), told[300 - 64..]);
    let reason = told[298].output.as_deref();
    assert_eq!(reason, Some("refusing traffic: round 149, token=***"));
}

#[tokio::test(start_paused = true)]
async fn await_ready_is_never_when_a_startup_gate_failed() {
    let health = steady().gate("migrations").gate("warmup").start().unwrap();
    let waiting = tokio::spawn({
        let health = health.clone();
        async move { health.await_ready().await }
    });
    lapse(secs(10)).await;
    assert!(!waiting.is_finished());
    health.gate("migrations").unwrap().fail("bad schema");
    let never = timeout(secs(1), waiting)
        .await
        .expect("it is told")
        .unwrap()
        .unwrap_err();
    assert!(
        never.to_string().contains("a startup gate failed"),
        "{never}"
    );
    assert_eq!(health.await_ready().await, Err(never), "asked later");
    // What else completes changes nothing.
    health.gate("warmup").unwrap().complete();
    assert_eq!(health.await_ready().await, Err(never));
}

// The refresher never saw it change, so it has nothing to tell.
#[tokio::test(start_paused = true)]
async fn await_ready_sees_a_change_that_was_taken_back_before_it_was_published() {
    let health = steady().start().unwrap();
    settle().await;
    health.refuse_traffic("for a moment");
    let ready = health.await_ready();
    tokio::pin!(ready);
    assert!(ready.as_mut().now_or_never().is_none());
    health.accept_traffic();
    let waited = timeout(secs(10), ready).await;
    waited.expect("it looks again").unwrap();
}
