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
