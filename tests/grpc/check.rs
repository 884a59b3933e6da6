//! What Check says of the names that are always there.

use tower_health::{Criticality, Health, ServingStatus, Status};

use crate::calls::check;
use crate::checks::{hangs_after_its_first_run, with_db};
use crate::support::{Dial, lapse, secs, settle, steady};

const SERVING: ServingStatus = ServingStatus::Serving;
const NOT_SERVING: ServingStatus = ServingStatus::NotServing;

/// Of `""`, `readiness`, `liveness` and `startup`.
async fn standard(health: &Health) -> [ServingStatus; 4] {
    let mut statuses = [ServingStatus::Unknown; 4];
    for (index, name) in ["", "readiness", "liveness", "startup"].iter().enumerate() {
        statuses[index] = check(health, name).await.unwrap();
    }
    statuses
}

const READY: [ServingStatus; 4] = [SERVING; 4];
const NOT_READY: [ServingStatus; 4] = [NOT_SERVING, NOT_SERVING, SERVING, SERVING];

#[tokio::test(start_paused = true)]
async fn nothing_registered_is_serving() {
    assert_eq!(standard(&steady().start().unwrap()).await, READY);
}

#[tokio::test(start_paused = true)]
async fn before_the_first_result_only_liveness_and_a_startup_without_steps_are_serving() {
    let db = Dial::at(Status::Pass);
    let health = steady().readiness(db.check("db")).start().unwrap();
    assert_eq!(standard(&health).await, NOT_READY);
    settle().await;
    assert_eq!(standard(&health).await, READY);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_passes_or_warns_is_serving_and_one_that_fails_is_not() {
    let db = Dial::at(Status::Pass);
    let health = with_db(&db).await;
    for (status, expected) in [
        (Status::Fail, NOT_READY),
        (Status::Warn, READY),
        (Status::Fail, NOT_READY),
        (Status::Pass, READY),
    ] {
        db.turn(status);
        lapse(secs(1)).await;
        settle().await;
        assert_eq!(standard(&health).await, expected, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_not_critical_is_serving() {
    let cache = Dial::at(Status::Fail).check("cache");
    let cache = cache.criticality(Criticality::NonCritical);
    let health = steady().readiness(cache).start().unwrap();
    settle().await;
    assert_eq!(standard(&health).await, READY);
}

#[tokio::test(start_paused = true)]
async fn what_has_not_started_is_not_serving_until_its_last_step() {
    let warmed = Dial::at(Status::Fail);
    let health = steady()
        .gate("migrations")
        .startup(warmed.check("warm-up"))
        .start()
        .unwrap();
    let starting = [NOT_SERVING, NOT_SERVING, SERVING, NOT_SERVING];
    settle().await;
    assert_eq!(standard(&health).await, starting);
    health.gate("migrations").unwrap().complete();
    settle().await;
    assert_eq!(standard(&health).await, starting);
    warmed.turn(Status::Pass);
    lapse(secs(1)).await;
    settle().await;
    assert_eq!(standard(&health).await, READY);
}

#[tokio::test(start_paused = true)]
async fn draining_is_not_serving_at_once_and_for_good() {
    let health = with_db(&Dial::at(Status::Pass)).await;
    health.drain();
    assert_eq!(standard(&health).await, NOT_READY);
    lapse(secs(3600)).await;
    assert_eq!(standard(&health).await, NOT_READY);
}

#[tokio::test(start_paused = true)]
async fn traffic_that_is_refused_is_not_served() {
    let health = with_db(&Dial::at(Status::Pass)).await;
    health.refuse_traffic("maintenance");
    assert_eq!(standard(&health).await, NOT_READY);
    health.accept_traffic();
    assert_eq!(standard(&health).await, READY);
}

#[tokio::test(start_paused = true)]
async fn a_stale_result_is_not_serving() {
    // Timed out only long after it is stale.
    let db = hangs_after_its_first_run().timeout(secs(3600));
    let health = steady()
        .readiness(db.stale_after(secs(10)))
        .start()
        .unwrap();
    settle().await;
    assert_eq!(standard(&health).await, READY);
    lapse(secs(9)).await;
    assert_eq!(standard(&health).await, READY);
    lapse(secs(1)).await;
    assert_eq!(standard(&health).await, NOT_READY);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_only_a_restart_helps_is_not_serving_its_liveness() {
    let health = steady().start().unwrap();
    health.mark_broken("deadlock");
    assert_eq!(check(&health, "liveness").await, Ok(NOT_SERVING));
    assert_eq!(check(&health, "readiness").await, Ok(SERVING));
    health.clear_broken();
    let heartbeat = health.heartbeat("consumer", secs(5)).unwrap();
    assert_eq!(check(&health, "liveness").await, Ok(SERVING));
    lapse(secs(5)).await;
    assert_eq!(check(&health, "liveness").await, Ok(NOT_SERVING));
    heartbeat.beat();
    assert_eq!(check(&health, "liveness").await, Ok(SERVING));
}

#[tokio::test(start_paused = true)]
async fn a_call_keeps_a_check_awake_that_runs_only_while_probed() {
    for (service, is_probe) in [("", true), ("readiness", true), ("liveness", false)] {
        let db = Dial::at(Status::Pass);
        let db_check = db.check("db").while_probed(secs(30));
        let health = steady().readiness(db_check).start().unwrap();
        lapse(secs(3600)).await;
        let asleep = db.runs();
        assert_eq!(asleep, 1, "{service:?}");
        let _ = check(&health, service).await.unwrap();
        lapse(secs(2)).await;
        assert_eq!(db.runs() > asleep, is_probe, "{service:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_for_a_service_that_is_mapped_to_checks_keeps_them_awake() {
    let db = Dial::at(Status::Pass);
    let health = steady()
        .readiness(db.check("db").while_probed(secs(30)))
        .grpc_service("shop.Orders", ["db"])
        .start()
        .unwrap();
    for _ in 0..12 {
        lapse(secs(5)).await;
        assert_eq!(check(&health, "shop.Orders").await, Ok(SERVING));
    }
    assert!(db.runs() > 50, "{}", db.runs());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_asks_for_no_check_wakes_none() {
    let db = Dial::at(Status::Pass);
    let health = steady()
        .readiness(db.check("db").while_probed(secs(30)))
        .grpc_service("shop.Orders", ["db"])
        .start()
        .unwrap();
    health
        .set_serving_status("switched", ServingStatus::Serving)
        .unwrap();
    for _ in 0..60 {
        lapse(secs(1)).await;
        check(&health, "switched").await.unwrap();
        check(&health, "nobody").await.unwrap_err();
    }
    assert_eq!(db.runs(), 1);
}
