//! Order, throttle and bounds of what is delivered.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tower_health::webhook::Webhook;
use tower_health::{Status, Subject};

use super::receiver::{Answer, Receiver, Request, ok, status};
use super::support::{builder, delivers, passing, quick, statuses, turn};
use crate::support::{Dial, eventually, millis, secs};

// status:    fail, and then 999 changes within the hour of the throttle
#[tokio::test]
async fn a_check_that_flaps_a_thousand_times_is_two_messages_that_tell_all_changes() {
    let receiver = Receiver::start([]).await;
    let (health, dial) = passing("db").await;
    let webhook = Webhook::new(&receiver.url())
        .check("db")
        .throttle(secs(3_600))
        .start(&health)
        .unwrap();
    for round in 0..1_000 {
        let to = if round % 2 == 0 {
            Status::Fail
        } else {
            Status::Pass
        };
        turn(&health, &dial, "db", to).await;
        // The queue of the subscription has room for 1,024, but this machine may be busy.
        tokio::task::yield_now().await;
    }
    receiver.gets(1).await;
    assert_eq!(webhook.flush().await, 0);
    let requests = receiver.requests();
    assert_eq!(statuses(&requests), ["fail", "pass"]);
    let changes: Vec<_> = requests
        .iter()
        .map(|request| request.json()["changes"].clone())
        .collect();
    assert_eq!(changes, [1, 999]);
    let sum = requests[1].json();
    let text = sum["text"].as_str().unwrap();
    assert!(
        text.starts_with("readiness/db: changed 999 times since 20"),
        "{text}"
    );
    assert!(text.ends_with("Z, now pass"), "{text}");
    assert_eq!(
        (&sum["recovery"], &sum["dropped"]),
        (&true.into(), &0.into())
    );
    assert_eq!(sum["worst"]["to"], "fail");
    assert_eq!(sum["worst"]["output"], "refused");
    let stats = webhook.stats();
    assert_eq!(
        (stats.delivered, stats.summed_up, stats.dropped),
        (2, 998, 0)
    );
}

// On a busy machine the changes may be further apart than the throttle.
#[tokio::test]
async fn changes_within_the_throttle_come_in_a_message_at_its_end() {
    let receiver = Receiver::start([]).await;
    let (health, dial) = passing("db").await;
    let webhook = quick(&receiver).throttle(millis(300));
    let _webhook = webhook.start(&health).unwrap();
    for to in [Status::Fail, Status::Pass, Status::Fail] {
        turn(&health, &dial, "db", to).await;
    }
    let changes = |requests: &[Request]| -> Vec<u64> {
        let requests = requests.iter();
        requests
            .map(|request| request.json()["changes"].as_u64().unwrap())
            .collect()
    };
    let is_told = async || changes(&receiver.requests()).iter().sum::<u64>() == 3;
    eventually("three changes are told", is_told).await;
    let requests = receiver.requests();
    assert_eq!(changes(&requests)[0], 1);
    assert_eq!(statuses(&requests).last().unwrap(), "fail");
}

// The receiver answers each message with an error first, and slowly.
#[tokio::test]
async fn the_changes_of_a_check_arrive_in_their_order_whatever_the_receiver_does() {
    let error = status("503 Service Unavailable", "");
    let slow = Answer::Slow(millis(20), error_text());
    let answers = (0..20).flat_map(|_| [error.clone(), slow.clone(), ok()]);
    let receiver = Receiver::start(answers).await;
    let (health, dial) = passing("db").await;
    let webhook = quick(&receiver).start(&health).unwrap();
    for round in 0..10 {
        turn(&health, &dial, "db", Err(format!("refused {round}").into())).await;
        turn(&health, &dial, "db", Status::Pass).await;
    }
    delivers(&webhook, 20).await;
    // Each message was posted three times, with the same identity and the same text.
    let requests = receiver.requests();
    assert_eq!(requests.len(), 60);
    for (round, attempts) in requests.chunks(3).enumerate() {
        let bodies: Vec<_> = attempts.iter().map(|request| &request.body).collect();
        assert!(
            bodies[0] == bodies[1] && bodies[1] == bodies[2],
            "{bodies:#?}"
        );
        let body = attempts[0].json();
        let expected = if round % 2 == 0 { "fail" } else { "pass" };
        assert_eq!(body["to"], expected);
        if round % 2 == 0 {
            assert_eq!(body["output"], format!("refused {}", round / 2));
        }
    }
    assert_eq!(webhook.stats().failed_attempts, 40);
}

fn ok_text() -> String {
    "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned()
}

fn error_text() -> String {
    "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        .to_owned()
}

// The receiver takes its time with the first message while 50 checks fail; the queue holds ten.
#[tokio::test]
async fn a_full_queue_drops_the_oldest_counts_them_and_tells_the_next_message() {
    let held = Arc::new(Semaphore::new(0));
    let receiver = Receiver::start([Answer::Held(Arc::clone(&held), ok_text())]).await;
    let named = |number| (format!("check-{number}"), Dial::pass());
    let dials: Vec<_> = (0..50).map(named).collect();
    let mut builder = builder();
    for (name, dial) in &dials {
        builder = builder.readiness(dial.check(name));
    }
    let health = builder.start().unwrap();
    health.await_ready().await.unwrap();
    let webhook = Webhook::new(&receiver.url())
        .filter(|change| matches!(change.subject, Subject::Check { .. }))
        .queue(10)
        .start(&health)
        .unwrap();
    for (name, dial) in &dials {
        turn(&health, dial, name, Status::Fail).await;
    }
    // One is in flight, and ten wait.
    eventually("39 are dropped", async || webhook.stats().dropped == 39).await;
    assert_eq!(webhook.stats().waiting, 11);
    held.add_permits(1);
    delivers(&webhook, 11).await;
    let requests = receiver.requests();
    let count = |request: &Request| request.json()["dropped"].as_u64().unwrap();
    let dropped: Vec<_> = requests.iter().map(count).collect();
    assert_eq!(dropped, [0, 39, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let text = requests[1].json()["text"].as_str().unwrap().to_owned();
    assert!(
        text.ends_with(" (39 changes before it were lost)"),
        "{text}"
    );
    let checks: Vec<_> = requests[1..]
        .iter()
        .map(|request| request.json()["check"].clone())
        .collect();
    let latest: Vec<_> = (40..50).map(|number| format!("check-{number}")).collect();
    assert_eq!(checks, latest);
}

#[tokio::test]
async fn nothing_waits_for_a_receiver_that_hangs() {
    let receiver = Receiver::start([]).await;
    receiver.always(Answer::Hangs);
    let (health, dial) = passing("db").await;
    let webhook = quick(&receiver).start(&health).unwrap();
    let mut transitions = health.subscribe();
    for round in 0..200 {
        let to = if round % 2 == 0 {
            Status::Fail
        } else {
            Status::Pass
        };
        turn(&health, &dial, "db", to).await;
        while transitions.next().await.unwrap().subject.to_string() != "readiness/db" {}
    }
    assert_eq!(transitions.missed(), 0);
    assert_eq!(webhook.stats().delivered, 0);
}
