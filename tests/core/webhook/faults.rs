//! A receiver that is down, slow, overloaded or broken: the message arrives later, and once told.

use tower_health::Status;
use tower_health::webhook::Webhook;

use super::receiver::{Answer, Receiver, ok, status};
use super::support::{delivers, passing, quick, statuses, turn};
use crate::support::port::free_port;
use crate::support::{eventually, millis, secs};

/// Fails the check once, and waits until the message is delivered. Returns the number of attempts.
async fn attempts(answers: Vec<Answer>, configure: impl FnOnce(Webhook) -> Webhook) -> usize {
    let receiver = Receiver::start(answers).await;
    let (health, dial) = passing("db").await;
    let webhook = configure(quick(&receiver)).start(&health).unwrap();
    turn(&health, &dial, "db", Status::Fail).await;
    delivers(&webhook, 1).await;
    let requests = receiver.requests();
    let stats = webhook.stats();
    assert_eq!((stats.delivered, stats.dropped), (1, 0));
    assert_eq!(stats.failed_attempts, requests.len() as u64 - 1);
    let ids: std::collections::BTreeSet<_> = requests
        .iter()
        .map(|request| request.header("idempotency-key").unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    requests.len()
}

#[tokio::test]
async fn errors_that_may_pass_are_tried_again() {
    for code in [
        "500 Internal Server Error",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "408 Request Timeout",
        "425 Too Early",
        "429 Too Many Requests",
    ] {
        let error = status(code, "");
        assert_eq!(
            attempts(vec![error.clone(), error], |webhook| webhook).await,
            3,
            "{code}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_closes_without_an_answer_or_within_it_is_tried_again() {
    let cut = |text: &str| Answer::Says(text.to_owned());
    let answers = vec![
        Answer::Closes,
        cut("HTTP/1.1 2"),
        cut("HTTP/1.1 200 OK\r\ncontent-le"),
        cut("no HTTP at all\r\n\r\n"),
    ];
    assert_eq!(attempts(answers, |webhook| webhook).await, 5);
}

// The status says that the receiver has the message, whatever becomes of the rest.
#[tokio::test]
async fn a_body_that_never_ends_does_not_matter_once_the_status_is_there() {
    let endless = "HTTP/1.1 202 Accepted\r\ncontent-length: 1000\r\n\r\npart".to_owned();
    assert_eq!(
        attempts(vec![Answer::Says(endless)], |webhook| webhook).await,
        1
    );
}

#[tokio::test]
async fn an_attempt_that_hangs_ends_at_its_timeout_and_is_tried_again() {
    let impatient = |webhook: Webhook| webhook.timeout(secs(1));
    let attempts = attempts(vec![Answer::Hangs, Answer::Hangs], impatient).await;
    // On a busy machine, one that would have been answered may take too long.
    assert!(attempts >= 3, "{attempts}");
}

#[tokio::test]
async fn a_slow_answer_within_the_timeout_counts() {
    let text = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned();
    assert_eq!(
        attempts(vec![Answer::Slow(millis(200), text)], |webhook| webhook).await,
        1
    );
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    let wait = status("429 Too Many Requests", "retry-after: 1\r\n");
    let receiver = Receiver::start([wait]).await;
    let (health, dial) = passing("db").await;
    let webhook = quick(&receiver).start(&health).unwrap();
    turn(&health, &dial, "db", Status::Fail).await;
    delivers(&webhook, 1).await;
    let requests = receiver.requests();
    assert!(requests[1].at - requests[0].at >= secs(1));
}

// The receiver is not there at first; the status changes meanwhile.
#[tokio::test]
async fn a_receiver_that_is_down_for_a_while_gets_what_holds_when_it_is_back() {
    let address = ([127, 0, 0, 1], free_port()).into();
    let (health, dial) = passing("db").await;
    let url = format!("http://{address}/hook");
    let webhook = Webhook::new(&url)
        .check("db")
        .backoff(millis(5), millis(20));
    let webhook = webhook.start(&health).unwrap();
    turn(&health, &dial, "db", Status::Fail).await;
    let failed = async || webhook.stats().failed_attempts >= 3;
    eventually("three attempts fail", failed).await;
    for to in [Status::Warn, Status::Pass, Status::Fail, Status::Pass] {
        turn(&health, &dial, "db", to).await;
    }
    assert_eq!((webhook.stats().delivered, webhook.stats().waiting), (0, 1));

    let receiver = Receiver::start_at(address, []).await;
    delivers(&webhook, 1).await;
    let requests = receiver.requests();
    assert_eq!(statuses(&requests), ["pass"]);
    let body = requests[0].json();
    assert_eq!(
        (&body["changes"], &body["from"]),
        (&5.into(), &"pass".into())
    );
    assert_eq!(body["worst"]["to"], "fail");
    assert_eq!(webhook.stats().summed_up, 4);
}

// What no further attempt can mend is dropped at once, and does not hold up what comes after it.
#[tokio::test]
async fn a_refusal_is_not_tried_again_and_told_by_the_next_message() {
    for refusal in [
        status("400 Bad Request", ""),
        status("401 Unauthorized", ""),
        status("404 Not Found", ""),
        status("302 Found", "location: /elsewhere\r\n"),
        status(
            "308 Permanent Redirect",
            "location: http://127.0.0.1:1/\r\n",
        ),
    ] {
        let receiver = Receiver::start([refusal.clone(), ok()]).await;
        let (health, dial) = passing("db").await;
        let webhook = quick(&receiver).start(&health).unwrap();
        turn(&health, &dial, "db", Status::Fail).await;
        eventually("it is dropped", async || webhook.stats().dropped == 1).await;
        turn(&health, &dial, "db", Status::Pass).await;
        delivers(&webhook, 1).await;
        let requests = receiver.requests();
        assert_eq!(statuses(&requests), ["fail", "pass"], "{refusal:?}");
        assert_eq!(requests[1].json()["dropped"], 1);
        let text = requests[1].json()["text"].as_str().unwrap().to_owned();
        assert!(text.ends_with(" (1 change before it was lost)"), "{text}");
    }
}

#[tokio::test]
async fn a_message_is_given_up_after_its_time_and_counted() {
    let receiver = Receiver::start([]).await;
    receiver.always(status("500 Internal Server Error", ""));
    let (health, dial) = passing("db").await;
    let webhook = quick(&receiver)
        .retry_for(millis(100))
        .start(&health)
        .unwrap();
    turn(&health, &dial, "db", Status::Fail).await;
    eventually("it is given up", async || webhook.stats().dropped == 1).await;
    receiver.always(ok());
    turn(&health, &dial, "db", Status::Pass).await;
    delivers(&webhook, 1).await;
    assert_eq!(receiver.requests().last().unwrap().json()["dropped"], 1);
}

// A body that the receiver cannot digest must not keep all others from it.
#[tokio::test]
async fn a_message_that_always_fails_lets_others_pass() {
    let receiver = Receiver::start([]).await;
    let dials = ["bad", "good"].map(|name| (name, crate::support::Dial::pass()));
    let mut builder = super::support::builder();
    for (name, dial) in &dials {
        builder = builder.readiness(dial.check(name));
    }
    let health = builder.start().unwrap();
    health.await_ready().await.unwrap();
    // The last answer stays: an error, except for the second request.
    receiver.always(status("500 Internal Server Error", ""));
    let webhook = quick(&receiver)
        .check("bad")
        .check("good")
        .start(&health)
        .unwrap();
    for (name, dial) in &dials {
        turn(&health, dial, name, Status::Fail).await;
    }
    let requests = receiver.gets(6).await;
    let checks: Vec<_> = requests
        .iter()
        .map(|request| request.json()["check"].clone())
        .collect();
    assert_eq!(checks[..6], ["bad", "good", "bad", "good", "bad", "good"]);
    assert_eq!(webhook.stats().dropped, 0);
}
