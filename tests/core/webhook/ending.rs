//! The end: what waits is delivered in a flush, during a drain, and when the health ends.

use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tower_health::webhook::Webhook;
use tower_health::{Probe, Status};

use super::receiver::{Answer, Receiver};
use super::support::{delivers, passing, quick, statuses, turn};
use crate::support::{eventually, millis, secs};

#[tokio::test]
async fn a_flush_delivers_what_is_held_back() {
    let receiver = Receiver::start([]).await;
    let (health, dial) = passing("db").await;
    let webhook = Webhook::new(&receiver.url())
        .check("db")
        .start(&health)
        .unwrap();
    assert_eq!(webhook.flush().await, 0);
    turn(&health, &dial, "db", Status::Fail).await;
    receiver.gets(1).await;
    turn(&health, &dial, "db", Status::Pass).await;
    assert_eq!(webhook.flush().await, 0);
    assert_eq!(statuses(&receiver.requests()), ["fail", "pass"]);
    // It goes on as before.
    turn(&health, &dial, "db", Status::Fail).await;
    eventually("it waits", async || webhook.stats().waiting == 1).await;
}

#[tokio::test]
async fn a_flush_ends_within_its_time_and_says_what_waits() {
    let receiver = Receiver::start([]).await;
    receiver.always(Answer::Hangs);
    let (health, dial) = passing("db").await;
    let webhook = quick(&receiver)
        .flush_timeout(millis(200))
        .start(&health)
        .unwrap();
    turn(&health, &dial, "db", Status::Fail).await;
    turn(&health, &dial, "db", Status::Pass).await;
    assert_eq!(webhook.flush().await, 2);
    assert_eq!((webhook.stats().waiting, webhook.stats().dropped), (2, 0));
}

#[tokio::test]
async fn flushes_that_nobody_waits_for_do_not_prolong_one() {
    let receiver = Receiver::start([]).await;
    receiver.always(Answer::Hangs);
    let (health, dial) = passing("db").await;
    let webhook = quick(&receiver)
        .flush_timeout(secs(1))
        .start(&health)
        .unwrap();
    turn(&health, &dial, "db", Status::Fail).await;
    receiver.gets(1).await;
    let first = webhook.clone();
    let first = tokio::spawn(async move { first.flush().await });
    eventually("the first flush ends", async || {
        assert_eq!(webhook.flush().now_or_never(), None);
        first.is_finished()
    })
    .await;
    assert_eq!(first.await.unwrap(), 1);
}

#[tokio::test]
async fn the_webhook_ends_with_the_health_and_delivers_what_waits_first() {
    let receiver = Receiver::start([]).await;
    let (health, dial) = passing("db").await;
    let webhook = Webhook::new(&receiver.url())
        .check("db")
        .start(&health)
        .unwrap();
    turn(&health, &dial, "db", Status::Fail).await;
    receiver.gets(1).await;
    turn(&health, &dial, "db", Status::Pass).await;
    drop(health);
    delivers(&webhook, 2).await;
    assert_eq!(statuses(&receiver.requests()), ["fail", "pass"]);
    let metrics = tokio::runtime::Handle::current().metrics();
    // The server has one task for its listener; its connections are closed.
    eventually("the tasks end", async || metrics.num_alive_tasks() <= 1).await;
    assert_eq!(webhook.flush().await, 0);
}

#[tokio::test]
async fn what_cannot_be_delivered_before_the_end_is_counted() {
    let receiver = Receiver::start([]).await;
    receiver.always(Answer::Hangs);
    let (health, dial) = passing("db").await;
    let webhook = quick(&receiver)
        .flush_timeout(millis(100))
        .start(&health)
        .unwrap();
    turn(&health, &dial, "db", Status::Fail).await;
    turn(&health, &dial, "db", Status::Pass).await;
    drop(health);
    eventually("both are dropped", async || webhook.stats().dropped == 2).await;
    assert_eq!(webhook.stats().waiting, 0);
    // Whoever flushes too late is told of them, too.
    assert_eq!(webhook.flush().await, 2);
}

// The throttle would hold the recovery back for a minute.
#[tokio::test]
async fn while_the_process_drains_nothing_is_held_back() {
    let receiver = Receiver::start([]).await;
    let (health, dial) = passing("db").await;
    let webhook = Webhook::new(&receiver.url())
        .check("db")
        .start(&health)
        .unwrap();
    turn(&health, &dial, "db", Status::Fail).await;
    receiver.gets(1).await;
    turn(&health, &dial, "db", Status::Pass).await;
    eventually("it is held back", async || webhook.stats().waiting == 1).await;
    health.drain();
    delivers(&webhook, 2).await;
}

#[tokio::test]
async fn a_drain_is_posted_only_if_it_is_asked_for() {
    for (asked, expected) in [(false, 0), (true, 1)] {
        let receiver = Receiver::start([]).await;
        let (health, _dial) = passing("db").await;
        let mut webhook = Webhook::new(&receiver.url());
        if asked {
            webhook = webhook.post_drains();
        }
        let webhook = webhook.start(&health).unwrap();
        let mut transitions = health.subscribe();
        health.drain();
        transitions.next().await.unwrap();
        // It hears of changes in their order, so of the drain before this one.
        health.mark_broken("poisoned");
        transitions.next().await.unwrap();
        delivers(&webhook, expected + 1).await;
        let requests = receiver.requests();
        assert_eq!(requests.len() as u64, expected + 1, "{requests:#?}");
        let of_drain = requests
            .iter()
            .filter(|request| request.json()["output"] == "draining");
        assert_eq!(of_drain.count() as u64, expected);
    }
}

// The webhook has a runtime of its own, which does not run until the process drains.
#[test]
fn a_failure_that_is_heard_only_in_the_drain_is_posted() {
    let runtime = || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap()
    };
    let (of_health, of_webhook) = (runtime(), runtime());
    let receiver = of_webhook.block_on(Receiver::start([]));
    let (health, dial) = of_health.block_on(passing("db"));
    let webhook = Webhook::new(&receiver.url()).probe(Probe::Readiness);
    let webhook = of_webhook.block_on(async { webhook.start(&health).unwrap() });
    of_health.block_on(turn(&health, &dial, "db", Status::Fail));
    health.drain();
    of_webhook.block_on(delivers(&webhook, 1));
    let requests = receiver.requests();
    assert_eq!(requests[0].json()["output"], "db: refused", "{requests:#?}");
}

// A message in flight when the last handle goes is waited for, too.
#[tokio::test]
async fn the_message_in_flight_is_delivered_before_the_end() {
    let held = Arc::new(Semaphore::new(0));
    let text = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned();
    let receiver = Receiver::start([Answer::Held(Arc::clone(&held), text)]).await;
    let (health, dial) = passing("db").await;
    let webhook = quick(&receiver).start(&health).unwrap();
    turn(&health, &dial, "db", Status::Fail).await;
    receiver.gets(1).await;
    drop(health);
    held.add_permits(1);
    delivers(&webhook, 1).await;
    assert_eq!(receiver.requests().len(), 1);
}
