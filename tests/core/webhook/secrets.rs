//! What nobody may see: the path and the query of the URL, and the values of headers.

use tower_health::Status;
use tower_health::webhook::Webhook;

use super::receiver::{Answer, Receiver};
use super::support::{passing, quick, turn};
use crate::support::eventually;
use crate::support::log::logged;

const SECRETS: [&str; 5] = [
    "T0SECRET",
    "B0SECRET",
    "q-secret",
    "hunter2-token",
    "hunter2",
];

fn assert_no_secret(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

// A receiver that quotes all that it was sent.
#[tokio::test]
async fn no_log_line_shows_a_secret_whatever_the_receiver_says() {
    logged();
    let body = "no hook at /hooks/T0SECRET/B0SECRET?token=q-secret for Bearer hunter2-token, \
                postgres://app:hunter2@db/main\r\nforged";
    for code in ["404 Not Found", "500 Internal Server Error"] {
        let length = body.len();
        let text = format!("HTTP/1.1 {code}\r\ncontent-length: {length}\r\n\r\n{body}");
        let receiver = Receiver::start([Answer::Says(text)]).await;
        let (health, dial) = passing("db").await;
        let webhook = quick(&receiver)
            .header("authorization", "Bearer hunter2-token")
            .start(&health)
            .unwrap();
        logged();
        turn(&health, &dial, "db", Status::Fail).await;
        eventually("an attempt fails", async || {
            webhook.stats().failed_attempts == 1
        })
        .await;
        let lines = logged();
        let line = lines.iter().find(|line| line.contains(code)).unwrap();
        assert_eq!(line.get("url"), format!("http://{}", receiver.address()));
        assert!(line.get("fault").contains("no hook at "), "{line:?}");
        for line in &lines {
            for text in line.fields.values() {
                assert_no_secret(text);
                assert!(!text.contains(['\r', '\n']), "{text:?}");
            }
        }
    }
}

/// What the log says of a receiver that refuses a message with this body.
async fn fault_of(body: &str, configure: impl FnOnce(&str) -> Webhook) -> String {
    let length = body.len();
    let text = format!("HTTP/1.1 404 Not Found\r\ncontent-length: {length}\r\n\r\n{body}");
    let receiver = Receiver::start([Answer::Says(text)]).await;
    let (health, dial) = passing("db").await;
    let webhook = configure(&format!("http://{}", receiver.address()));
    let webhook = webhook.check("db").start(&health).unwrap();
    logged();
    turn(&health, &dial, "db", Status::Fail).await;
    eventually("the message is refused", async || {
        webhook.stats().failed_attempts == 1
    })
    .await;
    let lines = logged();
    let line = lines
        .iter()
        .find(|line| !line.get("fault").is_empty())
        .unwrap();
    line.get("fault").to_owned()
}

// The log shows so much of a body; here the token begins before that and ends after it, or what
// was masked before it brings the end of what was read into view.
#[tokio::test]
async fn a_body_that_is_cut_within_a_secret_shows_no_part_of_it() {
    logged();
    let token = "k3y-0f-the-receiver-that-nobody-may-see";
    for length in [150, 165, 180, 190, 194] {
        for repeats in [1, 12, 100] {
            let body = format!("{}{}", "no ".repeat(length / 3), token.repeat(repeats));
            let fault = fault_of(&body, |url| Webhook::new(url).header("x-key", token)).await;
            assert!(repeats > 1 || fault.contains("no no no"), "{fault}");
            for part in ["k3y", "0f-", "receiver", "nobody", "may-see"] {
                assert!(!fault.contains(part), "{fault}");
            }
        }
    }
}

#[tokio::test]
async fn a_short_secret_and_one_that_is_written_in_another_way_are_masked() {
    logged();
    let url = "/in/x7?key=abc123&by=app%3Aw%20rd/l%2Fng&to=%C3%BCber-all";
    for (echo, secret) in [
        ("no key abc123 here", "abc123"),
        ("no key abc123", "abc123"),
        ("no hook x7", "x7"),
        ("no user app:w rd/l/ng", "w rd"),
        ("no user app%3aw%20rd", "w%20rd"),
        ("no user app%3Aw+rd%2Fl%2Fng", "w+rd"),
        ("no room \u{fc}ber-all", "ber-all"),
    ] {
        let fault = fault_of(echo, |host| Webhook::new(&format!("{host}{url}"))).await;
        assert!(fault.contains("no "), "{fault}");
        assert!(!fault.contains(secret), "{fault}");
    }
}

#[tokio::test]
async fn debug_and_errors_show_none() {
    let url = "https://hooks.example.com:8443/services/T0SECRET/B0SECRET?token=q-secret";
    let webhook = Webhook::new(url).header("authorization", "Bearer hunter2-token");
    let text = format!("{webhook:?}");
    assert!(text.contains("https://hooks.example.com:8443"), "{text}");
    assert!(text.contains("authorization"), "{text}");
    assert_no_secret(&text);

    let (health, _dial) = passing("db").await;
    for url in [
        "ftp://hooks.example.com/T0SECRET",
        "T0SECRET",
        "https://app:hunter2@hooks.example.com/",
        "https://:hunter2/T0SECRET",
        "https://hooks example.com/T0SECRET",
    ] {
        let webhook = Webhook::new(url).header("x-key", "hunter2-token\n");
        assert_no_secret(&format!("{webhook:?}"));
        let error = webhook.start(&health).unwrap_err();
        assert_no_secret(&format!("{error} {error:?}"));
    }
}

#[tokio::test]
async fn a_receiver_that_fails_is_logged_once_and_once_more_when_it_is_back() {
    logged();
    let error = super::receiver::status("500 Internal Server Error", "");
    let receiver = Receiver::start(std::iter::repeat_n(error, 10)).await;
    let (health, dial) = passing("db").await;
    let webhook = quick(&receiver).start(&health).unwrap();
    logged();
    turn(&health, &dial, "db", Status::Fail).await;
    super::support::delivers(&webhook, 1).await;
    let lines = logged();
    let messages: Vec<_> = lines
        .iter()
        .filter(|line| !line.get("url").is_empty())
        .map(|line| (line.level.as_str(), line.get("message")))
        .collect();
    let expected = [
        ("WARN", "a webhook cannot be delivered yet"),
        ("INFO", "a webhook delivers again"),
    ];
    assert_eq!(messages, expected);
}
