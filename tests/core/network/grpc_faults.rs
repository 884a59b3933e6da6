//! gRPC servers that are gone, frozen, or something else.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Response;
use http_body_util::Full;
use hyper::body::Bytes;
use tokio::runtime::Handle;
use tonic::Code;
use tonic::service::Routes;
use tonic::transport::Endpoint;
use tower::{Service, service_fn};
use tower_health::{HealthIndicator, Status};

use super::grpc::{ANYWHERE, channel, orders, saying, serving};
use super::site::{Site, answering, text};
use super::verdict::failure;
use crate::support::eventually;
use crate::support::port::ClosedPort;
use crate::support::proxy::{Mode, Proxy};
use crate::support::watched::Watched;

#[tokio::test]
async fn a_server_that_is_killed_and_comes_back_is_seen_on_the_same_channel() {
    let site = serving(ANYWHERE, saying(Ok(1))).await;
    let address = site.address();
    let watched = Watched::start("orders", orders(channel(address)));
    watched.passes().await;
    drop(site);
    let said = watched.turns_with(Status::Fail, "refused").await;
    assert!(
        said.starts_with("gRPC health of shop.Orders: the server is unreachable or going away"),
        "{said}"
    );
    let _site = serving(address, saying(Ok(1))).await;
    watched.passes().await;
}

#[tokio::test]
async fn a_server_that_never_was_there_is_unreachable() {
    let absent = ClosedPort::bind();
    let said = failure(&orders(channel(absent.address()))).await;
    assert!(
        said.contains("the server is unreachable or going away"),
        "{said}"
    );
    assert!(said.contains("Connection refused"), "{said}");
}

#[tokio::test]
async fn a_server_that_accepts_and_never_answers_fails_at_the_timeout() {
    let site = Site::silent().await;
    let watched = Watched::start("orders", orders(channel(site.address())));
    let said = watched.turns_with(Status::Fail, "no answer").await;
    assert!(
        said.starts_with("gRPC health of shop.Orders: no answer within 0."),
        "{said}"
    );
}

#[tokio::test]
async fn a_network_that_swallows_and_resets_is_survived_on_the_same_channel() {
    let site = serving(ANYWHERE, saying(Ok(1))).await;
    let proxy = Proxy::start(site.address()).await;
    let watched = Watched::start("orders", orders(channel(proxy.address())));
    watched.passes().await;
    proxy.set(Mode::BlackHole);
    watched.turns_with(Status::Fail, "no answer within").await;
    proxy.set(Mode::Pass);
    watched.passes().await;
    proxy.set(Mode::Reset);
    watched.fails().await;
    proxy.set(Mode::Slow(Duration::from_millis(20)));
    watched.passes().await;
}

#[tokio::test]
async fn a_timeout_of_the_channel_is_reported_as_one() {
    let site = Site::silent().await;
    let endpoint = Endpoint::from_shared(site.url("")).unwrap();
    let channel = endpoint.timeout(Duration::from_millis(50)).connect_lazy();
    let said = failure(&orders(channel)).await;
    assert!(said.contains("Timeout expired"), "{said}");
}

#[tokio::test]
async fn a_server_without_the_service_says_that_it_has_none() {
    let site = serving(ANYWHERE, Routes::default()).await;
    let said = failure(&orders(channel(site.address()))).await;
    assert!(
        said.contains(
            "the server, or a proxy before it, does not serve grpc.health.v1 (Unimplemented)"
        ),
        "{said}"
    );
    // A web server says 404, which means the same to gRPC if no page comes with it.
    let site = answering(|_| text(404, "")).await;
    let said = failure(&orders(channel(site.address()))).await;
    assert!(
        said.contains(
            "the server, or a proxy before it, does not serve grpc.health.v1 (Unimplemented)"
        ),
        "{said}"
    );
    let site = answering(|_| text(404, "a page")).await;
    let said = failure(&orders(channel(site.address()))).await;
    assert!(
        said.contains("response with status: 404 Not Found"),
        "{said}"
    );
}

#[tokio::test]
async fn what_is_not_http_2_fails_with_words() {
    let site = Site::says(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    let said = failure(&orders(channel(site.address()))).await;
    assert!(said.starts_with("gRPC health of shop.Orders: "), "{said}");
    assert!(said.contains("transport error"), "{said}");
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_refused_before_it_is_read() {
    let site = answering(|_| {
        // A message of 16 MiB, as its prefix says.
        let prefix: &[u8] = &[0, 1, 0, 0, 0, 8, 1];
        let response = Response::builder().header("content-type", "application/grpc");
        response.body(Full::new(Bytes::from(prefix))).unwrap()
    })
    .await;
    let said = failure(&orders(channel(site.address()))).await;
    assert!(
        said.contains("too long for a health response (OutOfRange)"),
        "{said}"
    );
}

#[tokio::test]
async fn a_long_message_of_the_server_is_cut() {
    let long: &'static str = "no ".repeat(1000).leak();
    let site = serving(ANYWHERE, saying(Err((Code::Internal, long)))).await;
    let said = failure(&orders(channel(site.address()))).await;
    assert!(said.len() < 400, "{said}");
}

#[tokio::test]
async fn a_thousand_runs_of_which_sixty_time_out_leave_nothing_behind() {
    let frozen = Arc::<AtomicBool>::default();
    let site = {
        let (frozen, routes) = (Arc::clone(&frozen), saying(Ok(1)));
        let service = service_fn(move |request| {
            let (frozen, mut routes) = (Arc::clone(&frozen), routes.clone());
            async move {
                match frozen.load(Ordering::SeqCst) {
                    true => pending().await,
                    false => routes.call(request).await,
                }
            }
        });
        serving(ANYWHERE, service).await
    };
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let indicator = orders(channel(site.address())).timeout(Duration::from_millis(40));
    let mut failed = 0;
    for run in 0..1000 {
        let is_frozen = run % 100 >= 94;
        frozen.store(is_frozen, Ordering::SeqCst);
        // On a machine that is busy even an answer may take longer.
        while indicator.check().await.is_err() {
            if is_frozen {
                failed += 1;
                break;
            }
        }
    }
    assert_eq!(failed, 60);
    assert_eq!(site.accepted(), 1);
    drop(indicator);
    eventually("no connection is open", async || site.open() == 0).await;
    eventually("no task is left", async || tasks() <= before).await;
}
