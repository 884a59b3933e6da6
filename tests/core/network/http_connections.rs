//! Connections and tasks: one for all runs, and none left behind.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Response;
use http_body_util::Full;
use hyper::body::Bytes;
use tokio::runtime::Handle;
use tokio::select;
use tokio::sync::Notify;
use tower_health::indicators::HttpIndicator;
use tower_health::{HealthIndicator, Status};

use super::authority::Authority;
use super::site::{Site, answering, http, text};
use super::verdict::passes;
use crate::support::eventually;
use crate::support::watched::Watched;

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
    let indicator = indicator.timeout(Duration::from_millis(40));
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

/// A timeout ends a stream of HTTP/2 and not its connection: without pings each further run would
/// wait on the connection that is dead, while new ones work.
#[tokio::test]
async fn a_connection_that_the_network_forgot_is_replaced() {
    let (authority, dead) = (Authority::new(), Arc::new(Notify::new()));
    let acceptor = authority.for_days(9).acceptor(&[b"h2"]);
    let site = {
        let dead = Arc::clone(&dead);
        Site::start(move |connection| {
            let (acceptor, dead) = (acceptor.clone(), Arc::clone(&dead));
            async move {
                let connection = acceptor.accept(connection).await.unwrap();
                let mut serving = pin!(http(connection, |_| async { text(200, "ok") }));
                select! {
                    () = &mut serving => {}
                    // Open, and served by no task.
                    () = dead.notified() => pending().await,
                }
            }
        })
        .await
    };
    let tls = authority.client();
    let indicator = HttpIndicator::with_tls("api", &site.https("/"), tls);
    let watched = Watched::start("api", indicator.timeout(Duration::from_millis(500)));
    watched.passes().await;
    dead.notify_waiters();
    watched.turns_with(Status::Fail, "no answer within").await;
    watched.passes().await;
    assert_eq!(site.accepted(), 2);
}
