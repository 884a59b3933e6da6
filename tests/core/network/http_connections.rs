//! Connections and tasks: one for all runs, and none left behind.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Response;
use http_body_util::Full;
use hyper::body::Bytes;
use tokio::runtime::Handle;
use tower_health::HealthIndicator;
use tower_health::indicators::HttpIndicator;

use super::authority::Authority;
use super::site::{Site, answering, http, text};
use super::verdict::passes;
use crate::support::eventually;

#[tokio::test]
async fn a_hundred_runs_use_one_connection() {
    // Larger than what hyper reads at once, so that a body that is not read costs the connection.
    let long = Bytes::from(vec![b'x'; 60_000]);
    let site = answering(move |request| match request.uri().path() {
        "/long" => Response::new(Full::new(long.clone())),
        "/down" => text(503, "down"),
        _ => text(200, "ok"),
    })
    .await;
    for (connections, path) in ["/", "/long", "/down"].into_iter().enumerate() {
        let indicator = HttpIndicator::new("api", &site.url(path));
        let indicator = indicator.statuses([200..=503]);
        for _ in 0..100 {
            passes(&indicator).await;
        }
        assert_eq!(site.accepted(), connections + 1, "{path}");
    }
}

/// Answers, or does not, as the switch says.
async fn moody(silent: &Arc<AtomicBool>, tls: Option<(&Authority, &[&[u8]])>) -> Site {
    let acceptor = tls.map(|(authority, names)| authority.for_days(9).acceptor(names));
    let silent = Arc::clone(silent);
    Site::start(move |connection| {
        let (silent, acceptor) = (Arc::clone(&silent), acceptor.clone());
        let answer = move |_| {
            let silent = silent.load(Ordering::SeqCst);
            async move {
                match silent {
                    true => pending().await,
                    false => text(200, "ok"),
                }
            }
        };
        async move {
            match acceptor {
                None => http(connection, answer).await,
                Some(acceptor) => {
                    if let Ok(connection) = acceptor.accept(connection).await {
                        http(connection, answer).await;
                    }
                }
            }
        }
    })
    .await
}

async fn thousand_runs(site: &Site, silent: &AtomicBool, indicator: HttpIndicator) {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    // Long enough for a handshake on a machine that is busy: each failure is followed by one.
    let indicator = indicator.timeout(Duration::from_millis(150));
    let mut failed = 0;
    for run in 0..1000 {
        // Six in a row, ten times.
        let is_silent = run % 100 >= 94;
        silent.store(is_silent, Ordering::SeqCst);
        // On a machine that is busy even an answer may take longer.
        let passed = loop {
            match indicator.check().await {
                Ok(_) => break true,
                Err(_) if is_silent => break false,
                Err(_) => {}
            }
        };
        failed += u32::from(!passed);
    }
    assert_eq!(failed, 60);
    eventually("at most one connection is open", async || site.open() <= 1).await;
    drop(indicator);
    eventually("no connection is open", async || site.open() == 0).await;
    eventually("no task is left", async || tasks() <= before).await;
}

#[tokio::test]
async fn a_thousand_runs_of_which_sixty_time_out_leave_nothing_behind() {
    let silent = Arc::<AtomicBool>::default();
    let site = moody(&silent, None).await;
    let indicator = HttpIndicator::new("api", &site.url("/"));
    thousand_runs(&site, &silent, indicator).await;
}

#[tokio::test]
async fn a_thousand_runs_over_http_2_leave_nothing_behind() {
    let silent = Arc::<AtomicBool>::default();
    let authority = Authority::new();
    let site = moody(&silent, Some((&authority, &[b"h2"]))).await;
    let tls = authority.client();
    let indicator = HttpIndicator::with_tls("api", &site.https("/"), tls);
    thousand_runs(&site, &silent, indicator).await;
}
