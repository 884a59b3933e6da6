//! Checks that run only while a prober polls readiness, so that a dependency may fall asleep.

use tower_health::{Details, Health, HealthLayer, Probe, Status};

use super::support::{Script, fail, pass, probe, readiness, state};
use crate::support::prober::{APPLICATION, get};
use crate::support::{lapse, millis, secs, settle, steady};

/// A check that runs only while readiness was probed within 30 s, and its health.
fn sleepy(db: &Script) -> Health {
    let check = db.check("db").while_probed(secs(30));
    steady().readiness(check).start().unwrap()
}

#[tokio::test(start_paused = true)]
async fn it_runs_once_at_the_start_and_not_again_without_probes() {
    let db = Script::passing();
    let health = sleepy(&db);
    settle().await;
    assert_eq!(readiness(&health), Status::Pass);
    lapse(secs(3_600)).await;
    assert_eq!(db.runs(), 1);
}

// The first probe in an hour finds a stale result, says so, and wakes the check.
#[tokio::test(start_paused = true)]
async fn the_first_probe_after_a_silence_is_a_503_and_starts_a_run_within_a_second() {
    let db = Script::passing();
    let health = sleepy(&db);
    lapse(millis(3_600_500)).await;
    let (code, body) = probe(&health, Probe::Readiness).await;
    assert_eq!((code, &*body), (503, r#"{"status":"fail"}"#));
    assert_eq!(db.runs(), 1);

    lapse(millis(1_050)).await;
    assert_eq!(db.runs(), 2);
    assert_eq!(probe(&health, Probe::Readiness).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_long_ttl_does_not_delay_the_run_that_a_probe_asks_for() {
    let db = Script::passing();
    let check = db.check("db").ttl(secs(600)).while_probed(secs(30));
    let health = steady().readiness(check).start().unwrap();
    lapse(millis(7_201_500)).await;
    assert_eq!(db.runs(), 1);
    assert_eq!(probe(&health, Probe::Readiness).await.0, 503);
    lapse(millis(1_050)).await;
    assert_eq!(db.runs(), 2);
}

#[tokio::test(start_paused = true)]
async fn it_runs_on_its_ttl_as_long_as_it_is_probed_often_enough() {
    let db = Script::passing();
    let health = sleepy(&db);
    probe(&health, Probe::Readiness).await;
    for _ in 0..6 {
        lapse(secs(10)).await;
        assert_eq!(probe(&health, Probe::Readiness).await.0, 200);
    }
    settle().await;
    assert_eq!(db.runs(), 61);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_added_to_a_probed_service_does_not_rest_until_the_next_probe() {
    let health = steady().start().unwrap();
    for _ in 0..3 {
        assert_eq!(probe(&health, Probe::Readiness).await.0, 200);
        lapse(secs(10)).await;
    }
    let db = Script::passing();
    let check = db.check("db").while_probed(secs(30));
    health.add_readiness(check).await.unwrap();
    lapse(secs(1)).await;
    for _ in 0..3 {
        lapse(secs(9)).await;
        assert_eq!(probe(&health, Probe::Readiness).await.0, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn it_stops_when_the_time_since_the_last_probe_has_passed() {
    let db = Script::passing();
    let health = sleepy(&db);
    probe(&health, Probe::Readiness).await;
    lapse(secs(300)).await;
    // 30 s, give or take the second to which a probe is remembered.
    assert!((30..=33).contains(&db.runs()), "{}", db.runs());
}

#[tokio::test(start_paused = true)]
async fn other_probes_and_the_handle_do_not_count() {
    let db = Script::passing();
    let health = sleepy(&db);
    for _ in 0..60 {
        lapse(secs(1)).await;
        assert_eq!(probe(&health, Probe::Liveness).await.0, 200);
        assert_eq!(probe(&health, Probe::Startup).await.0, 200);
        let _ = (
            readiness(&health),
            health.snapshot(),
            health.status(Probe::Startup),
        );
    }
    assert_eq!(db.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn other_checks_run_whether_anybody_probes_or_not() {
    let (sleepy, awake) = (Script::passing(), Script::passing());
    let _health = steady()
        .readiness(sleepy.check("sleepy").while_probed(secs(30)))
        .readiness(awake.check("awake"))
        .start()
        .unwrap();
    lapse(millis(20_050)).await;
    assert_eq!((sleepy.runs(), awake.runs()), (1, 21));
}

#[tokio::test(start_paused = true)]
async fn a_slow_run_is_not_doubled_by_probes() {
    let db = Script::new([pass().after(secs(3))]);
    let health = sleepy(&db);
    for _ in 0..40 {
        probe(&health, Probe::Readiness).await;
        lapse(millis(250)).await;
    }
    assert_eq!((db.runs(), db.most_at_once()), (3, 1));
    assert_eq!(state(&health, "db").status(), Status::Pass);
}

// No prober requests readiness before startup is complete.
#[tokio::test(start_paused = true)]
async fn a_startup_check_runs_until_it_passed_without_probes() {
    let db = Script::new([fail("down"), fail("down"), pass()]);
    let check = db.check("db").while_probed(secs(1));
    let health = steady().startup(check).start().unwrap();
    lapse(secs(10)).await;
    assert_eq!(health.status(Probe::Startup), Status::Pass);
    assert_eq!(db.runs(), 3);
}

#[tokio::test(start_paused = true)]
async fn asking_for_one_check_keeps_it_awake() {
    let db = Script::passing();
    let health = sleepy(&db);
    let layer = HealthLayer::builder(health)
        .details(Details::always())
        .build()
        .unwrap();
    lapse(millis(3_600_500)).await;
    assert_eq!(get(&layer, "/readyz/other").await.1, APPLICATION);
    lapse(secs(2)).await;
    assert_eq!(db.runs(), 1, "there is no such check");

    assert_eq!(get(&layer, "/readyz/db").await.0, 503);
    for _ in 0..6 {
        lapse(secs(10)).await;
        assert_eq!(get(&layer, "/readyz/db").await.0, 200);
    }
    assert!(db.runs() > 50, "{}", db.runs());
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_became_stale_keeps_its_reason() {
    let db = Script::new([fail("refused")]);
    let health = sleepy(&db);
    lapse(secs(3_600)).await;
    let check = state(&health, "db");
    assert!(check.is_stale());
    let output = check.output().unwrap();
    assert!(
        output.starts_with("stale: the last run ended at "),
        "{output}"
    );
    assert!(output.ends_with("Z: refused"), "{output}");
}
