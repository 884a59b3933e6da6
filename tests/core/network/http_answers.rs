//! What HTTP servers answer, and what the check makes of it.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Method, Response};
use http_body_util::Full;
use tokio::time::sleep;
use tower_health::Status;
use tower_health::indicators::HttpIndicator;

use super::site::{Site, answering, http, text};
use super::verdict::{failure, passes};
use crate::support::watched::Watched;

pub(crate) fn quick(indicator: HttpIndicator) -> HttpIndicator {
    indicator.timeout(Duration::from_millis(500))
}

#[tokio::test]
async fn a_server_that_breaks_and_is_mended_turns_readiness_and_turns_it_back() {
    let broken = Arc::new(AtomicBool::new(false));
    let site = answering({
        let broken = Arc::clone(&broken);
        move |_| match broken.load(Ordering::SeqCst) {
            true => text(500, "no"),
            false => text(200, "yes"),
        }
    })
    .await;
    let url = site.url("/status?key=hunter2");
    let watched = Watched::start("api", quick(HttpIndicator::new("api", &url)));
    watched.passes().await;
    let readings: Vec<_> = watched.state().readings().to_vec();
    assert_eq!(readings[0].measurement(), Some("responseTime"));
    assert_eq!(readings[0].unit(), Some("ms"));

    broken.store(true, Ordering::SeqCst);
    let said = watched.fails().await;
    let shown = site.url("/status");
    let wanted = format!("GET {shown}: answered 500 Internal Server Error instead of 200–299");
    assert_eq!(said, wanted);

    broken.store(false, Ordering::SeqCst);
    watched.passes().await;
    // No broken answer was believed that came over the first connection.
    assert!(site.accepted() > 1);
}

#[tokio::test]
async fn a_slow_server_passes_within_the_timeout_and_fails_beyond_it() {
    let slow = Arc::new(AtomicBool::new(false));
    let site = Site::start({
        let slow = Arc::clone(&slow);
        move |connection| {
            let slow = Arc::clone(&slow);
            http(connection, move |_| {
                let slow = slow.load(Ordering::SeqCst);
                async move {
                    let delay = if slow { 60_000 } else { 50 };
                    sleep(Duration::from_millis(delay)).await;
                    text(200, "at last")
                }
            })
        }
    })
    .await;
    let watched = Watched::start("api", quick(HttpIndicator::new("api", &site.url("/"))));
    watched.passes().await;
    slow.store(true, Ordering::SeqCst);
    let said = watched.fails().await;
    assert!(
        said.contains("waiting for the answer: no answer within 0."),
        "{said}"
    );
    slow.store(false, Ordering::SeqCst);
    watched.passes().await;
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_its_host_is_reported_without_its_secrets() {
    let cases = [
        (
            "https://user:hunter2@login.example.com/x?token=hunter2",
            ", a redirect to login.example.com, instead of",
        ),
        (
            "/login/hunter2",
            ", a redirect within the same host, instead of",
        ),
    ];
    for (location, wanted) in cases {
        let site = answering(move |request| {
            assert_eq!(request.uri().path(), "/status", "it followed");
            let response = Response::builder().status(302).header("location", location);
            response.body(Full::default()).unwrap()
        })
        .await;
        let said = failure(&HttpIndicator::new("api", &site.url("/status"))).await;
        assert!(
            said.contains("answered 302 Found") && said.contains(wanted),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn head_is_sent_when_it_is_configured() {
    let site = answering(|request| match *request.method() {
        Method::HEAD => text(200, ""),
        _ => text(405, ""),
    })
    .await;
    let indicator = HttpIndicator::new("api", &site.url("/"));
    assert!(failure(&indicator).await.contains("405 Method Not Allowed"));
    passes(&indicator.head()).await;
}

#[tokio::test]
async fn the_length_that_a_head_answer_tells_is_not_waited_for() {
    let site = Site::says(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n").await;
    let indicator = HttpIndicator::new("api", &site.url("/"));
    passes(&indicator.head()).await;
}

#[tokio::test]
async fn only_the_statuses_that_are_expected_pass() {
    let site = answering(|_| text(404, "nothing here")).await;
    let of = |statuses: &[RangeInclusive<u16>]| {
        let indicator = HttpIndicator::new("api", &site.url("/"));
        indicator.statuses(statuses.to_vec())
    };
    passes(&of(&[200..=299, 404..=404])).await;
    let said = failure(&of(&[200..=204, 301..=301])).await;
    assert!(
        said.ends_with("answered 404 Not Found instead of 200–204, 301"),
        "{said}"
    );
}

#[tokio::test]
async fn headers_are_sent_and_never_shown() {
    let site = answering(|request| {
        let is = |name, value: &str| request.headers().get(name).is_some_and(|it| it == value);
        match is("authorization", "Bearer hunter2") && is("user-agent", "probe") {
            true => text(200, ""),
            false => text(401, ""),
        }
    })
    .await;
    let plain = HttpIndicator::new("api", &site.url("/"));
    assert!(failure(&plain).await.contains("401 Unauthorized"));
    let indicator = plain.header("authorization", "Bearer hunter2");
    let said = failure(&indicator).await;
    let shown = format!("{said} {indicator:?}");
    assert!(
        !shown.contains("hunter2") && shown.contains("authorization"),
        "{shown}"
    );
    let indicator = indicator.header("user-agent", "probe");
    passes(&indicator).await;
}

#[tokio::test]
async fn the_body_has_to_satisfy_the_predicate() {
    let site = answering(|request| match request.uri().path() {
        "/up" => text(200, "up"),
        _ => text(200, "degraded"),
    })
    .await;
    let of = |path| {
        let indicator = HttpIndicator::new("api", &site.url(path));
        let up = |body: &[u8]| match body {
            b"up" => Ok(()),
            _ => Err("it does not say up"),
        };
        indicator.body(up)
    };
    passes(&of("/up")).await;
    let said = failure(&of("/other")).await;
    assert!(
        said.ends_with("200 OK, but its body is not as expected: it does not say up"),
        "{said}"
    );
}

#[tokio::test]
async fn a_predicate_that_panics_is_a_failure_and_nothing_more() {
    let site = answering(|_| text(200, "up")).await;
    let indicator = HttpIndicator::new("api", &site.url("/"));
    let indicator = indicator.body(|_| -> Result<(), &str> { panic!("cannot read this") });
    let watched = Watched::start("api", quick(indicator));
    let said = watched.turns_with(Status::Fail, "cannot read this").await;
    assert!(said.contains("panic"), "{said}");
}
