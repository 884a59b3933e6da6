//! Which changes are posted.

use std::time::Duration;

use tower_health::webhook::Webhook;
use tower_health::{Health, Probe, Status, Subject};

use super::receiver::Receiver;
use super::support::{builder, delivers, turn};
use crate::support::Dial;

/// Fails `db`, then warns of `cache`, then breaks the process, and lets all recover. Returns what was
/// posted.
async fn posted(configure: impl FnOnce(Webhook) -> Webhook, messages: u64) -> Vec<String> {
    let receiver = Receiver::start([]).await;
    let (db, cache) = (Dial::pass(), Dial::pass());
    let health: Health = builder()
        .readiness(db.check("db"))
        .readiness(cache.check("cache"))
        .start()
        .unwrap();
    health.await_ready().await.unwrap();
    let webhook = Webhook::new(&receiver.url()).throttle(Duration::ZERO);
    let webhook = configure(webhook).start(&health).unwrap();
    turn(&health, &db, "db", Status::Fail).await;
    turn(&health, &cache, "cache", Status::Warn).await;
    health.mark_broken("poisoned");
    health.run_now("db").await.unwrap();
    turn(&health, &db, "db", Status::Pass).await;
    turn(&health, &cache, "cache", Status::Pass).await;
    health.clear_broken();
    health.run_now("db").await.unwrap();
    delivers(&webhook, messages).await;
    assert_eq!(webhook.flush().await, 0);
    let text = |request: &super::receiver::Request| {
        let body = request.json();
        format!(
            "{}={}",
            body["subject"].as_str().unwrap(),
            body["to"].as_str().unwrap()
        )
    };
    receiver.requests().iter().map(text).collect()
}

fn sorted(mut posted: Vec<String>) -> Vec<String> {
    posted.sort();
    posted
}

#[tokio::test]
async fn by_default_every_trouble_and_its_recovery_is() {
    let posted = posted(|webhook| webhook, 9).await;
    assert_eq!(
        sorted(posted),
        [
            "liveness=fail",
            "liveness=pass",
            "readiness/cache=pass",
            "readiness/cache=warn",
            "readiness/db=fail",
            "readiness/db=pass",
            "readiness=fail",
            "readiness=pass",
            "readiness=warn",
        ]
    );
}

#[tokio::test]
async fn a_probe_or_a_check_can_be_chosen() {
    let of_probe = posted(|webhook| webhook.probe(Probe::Liveness), 2).await;
    assert_eq!(of_probe, ["liveness=fail", "liveness=pass"]);
    let of_check = posted(|webhook| webhook.check("db"), 2).await;
    assert_eq!(of_check, ["readiness/db=fail", "readiness/db=pass"]);
    let both = posted(|webhook| webhook.probe(Probe::Liveness).check("cache"), 4).await;
    assert_eq!(both.len(), 4);
}

#[tokio::test]
async fn a_least_status_makes_what_is_better_a_recovery() {
    let posted = posted(|webhook| webhook.min_status(Status::Fail), 6).await;
    assert_eq!(
        sorted(posted),
        [
            "liveness=fail",
            "liveness=pass",
            "readiness/db=fail",
            "readiness/db=pass",
            "readiness=fail",
            "readiness=warn",
        ]
    );
}

#[tokio::test]
async fn a_function_can_choose_and_recoveries_can_be_left_out() {
    let is_check = |subject: &Subject| matches!(subject, Subject::Check { .. });
    let checks = posted(
        |webhook| webhook.filter(move |change| is_check(&change.subject)),
        4,
    )
    .await;
    assert_eq!(checks.len(), 4);
    let troubles = posted(|webhook| webhook.without_recoveries().check("db"), 1).await;
    assert_eq!(troubles, ["readiness/db=fail"]);
}
