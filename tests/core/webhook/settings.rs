//! Settings that cannot work are reported by `start`, all at once; TLS is verified.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower_health::webhook::Webhook;
use tower_health::{Health, Status};

use super::support::{delivers, passing, turn};
use crate::support::authority::Authority;
use crate::support::site::Site;
use crate::support::{eventually, millis, secs};

async fn fault(webhook: Webhook) -> String {
    let health = Health::fixed(Status::Pass);
    let text = webhook.start(&health).unwrap_err().to_string();
    let fault = text.strip_prefix("the webhook cannot work: ").unwrap();
    fault.to_owned()
}

#[tokio::test]
async fn a_url_that_cannot_work_is_an_error() {
    for (url, expected) in [
        ("hooks.example.com/x", "url is not a URL: invalid format"),
        (
            "/x",
            "url has no scheme: it must begin with http:// or https://",
        ),
        (
            "ftp://hooks.example.com/x",
            "url must begin with http:// or https://",
        ),
        ("file:///etc/passwd", "url is not a URL: invalid format"),
        ("https://", "url is not a URL: empty string"),
        (
            "https://app:pw@example.com/",
            "url has a user, which would not be sent: use `header(\"authorization\", …)`",
        ),
        (
            "https://example.com:0/",
            "url has a port on which no server listens",
        ),
        (
            "https://example.com:99999/",
            "url has a port on which no server listens",
        ),
        ("", "url is not a URL: empty string"),
    ] {
        assert_eq!(fault(Webhook::new(url)).await, expected, "{url}");
    }
}

#[tokio::test]
async fn every_setting_that_cannot_work_is_named_at_once() {
    let webhook = Webhook::new("http://127.0.0.1:9/")
        .header("a b", "x")
        .header("x-a", "x\ny")
        .header("content-length", "7")
        .timeout(Duration::ZERO)
        .retry_for(Duration::ZERO)
        .throttle(Duration::MAX)
        .flush_timeout(Duration::MAX)
        .backoff(secs(2), secs(1))
        .queue(0);
    let expected = [
        "a header has a name that HTTP does not allow",
        "header x-a has a value that HTTP does not allow",
        "header content-length is set by the client",
        "throttle is longer than a year",
        "timeout is zero",
        "retry_for is zero",
        "flush_timeout is longer than a year",
        "backoff begins with more than its longest time",
        "queue is 0, but must be from 1 to 65536",
    ];
    assert_eq!(fault(webhook).await, expected.join("; "));
}

#[test]
fn a_start_outside_a_runtime_is_an_error() {
    let health = Health::fixed(Status::Pass);
    let error = Webhook::new("http://127.0.0.1:9/")
        .start(&health)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("`start` was called outside a tokio runtime")
    );
}

// A runtime whose I/O is off cannot connect; the health goes on.
#[test]
fn a_runtime_without_io_fails_each_attempt_and_nothing_else() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (health, dial) = passing("db").await;
        let webhook = Webhook::new("http://127.0.0.1:9/")
            .check("db")
            .start(&health)
            .unwrap();
        turn(&health, &dial, "db", Status::Fail).await;
        eventually("an attempt fails", async || {
            webhook.stats().failed_attempts >= 1
        })
        .await;
        turn(&health, &dial, "db", Status::Pass).await;
        assert_eq!(health.refresher_restarts(), 0);
    });
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_gets_no_message() {
    let authority = Authority::new();
    let acceptor = authority.for_days(30).acceptor(&[b"h2", b"http/1.1"]);
    let site = Site::start(move |connection| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(connection).await else {
                return;
            };
            let _ = stream.read(&mut [0; 8192]).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    let (health, dial) = passing("db").await;
    let webhook = || {
        let webhook = Webhook::new(&site.https("/hook")).check("db");
        webhook.backoff(millis(5), millis(20))
    };
    // The roots of the system do not have this authority.
    let strict = webhook().start(&health).unwrap();
    let trusting = webhook().tls(authority.client()).start(&health).unwrap();
    turn(&health, &dial, "db", Status::Fail).await;
    delivers(&trusting, 1).await;
    eventually("it is refused", async || {
        strict.stats().failed_attempts >= 2
    })
    .await;
    assert_eq!(strict.stats().delivered, 0);
}
