//! Which connection is believed: no failure of a kept one is, and a new one that fails is doubted for
//! a while.

use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::select;
use tokio::sync::Notify;
use tokio::time::sleep;
use tower_health::indicators::HttpIndicator;
use tower_health::{HealthIndicator, Status};

use super::authority::Authority;
use super::site::{Site, answering, http, text};
use super::verdict::{failure, passes};
use crate::support::eventually;

/// Over a kept connection, HTTP/2 or HTTP/1.1, that is dead while new ones work: each was accepted,
/// and is open and served by no task from the moment that the function returned is called.
async fn forgetful(authority: &Authority, protocol: &'static [u8]) -> (Site, Arc<Notify>) {
    let dead = Arc::new(Notify::new());
    let acceptor = authority.for_days(9).acceptor(&[protocol]);
    let notified = Arc::clone(&dead);
    let site = Site::start(move |connection| {
        let (acceptor, dead) = (acceptor.clone(), Arc::clone(&notified));
        async move {
            let Ok(connection) = acceptor.accept(connection).await else {
                return;
            };
            let mut serving = pin!(http(connection, |_| async { text(200, "ok") }));
            select! {
                () = &mut serving => {}
                () = dead.notified() => pending().await,
            }
        }
    })
    .await;
    (site, dead)
}

#[tokio::test]
async fn a_connection_that_the_network_forgot_is_replaced_within_the_run() {
    for protocol in [b"h2".as_slice(), b"http/1.1"] {
        let authority = Authority::new();
        let (site, dead) = forgetful(&authority, protocol).await;
        let indicator = HttpIndicator::with_tls("api", &site.https("/"), authority.client());
        passes(&indicator).await;
        dead.notify_waiters();

        let seen = indicator.check().await.unwrap();
        assert_eq!(seen.status(), Status::Warn);
        let said = seen.output().unwrap();
        assert!(
            said.contains("waiting for the answer: no answer within")
                && said.ends_with("; a new one passes"),
            "{said}"
        );
        let seen = indicator.check().await.unwrap();
        assert_eq!((seen.status(), site.accepted()), (Status::Pass, 2));
    }
}

/// A balancer on layer 4: the first connection goes to the first backend, all others to the second.
async fn balanced(first: SocketAddr, others: SocketAddr) -> Site {
    let is_first = AtomicBool::new(true);
    Site::start(move |mut client| {
        let backend = match is_first.swap(false, Ordering::SeqCst) {
            true => first,
            false => others,
        };
        async move {
            let mut server = TcpStream::connect(backend).await.unwrap();
            let _ = copy_bidirectional(&mut client, &mut server).await;
        }
    })
    .await
}

#[tokio::test]
async fn one_sick_backend_behind_a_balancer_warns_once_and_is_left() {
    let is_sick = Arc::<AtomicBool>::default();
    let sick = answering({
        let is_sick = Arc::clone(&is_sick);
        move |_| match is_sick.load(Ordering::SeqCst) {
            true => text(503, "sick"),
            false => text(200, "ok"),
        }
    })
    .await;
    let well = answering(|_| text(200, "ok")).await;
    let balancer = balanced(sick.address(), well.address()).await;
    let indicator = HttpIndicator::new("api", &balancer.url("/"));
    passes(&indicator).await;
    is_sick.store(true, Ordering::SeqCst);

    let seen = indicator.check().await.unwrap();
    let said = seen.output().unwrap();
    assert_eq!(seen.status(), Status::Warn, "{said}");
    let wanted = "answered 503 Service Unavailable instead of 200–299 on a connection kept for ";
    assert!(said.contains(wanted), "{said}");
    for _ in 0..10 {
        assert_eq!(indicator.check().await.unwrap().status(), Status::Pass);
    }
    assert_eq!(balancer.accepted(), 2);
}

// connections:  sick, well   well   sick, well   well   …
#[tokio::test]
async fn one_sick_backend_of_three_fails_no_run_that_begins_with_a_new_connection() {
    let sick_site = answering(|_| text(503, "sick")).await;
    let well_site = answering(|_| text(200, "ok")).await;
    let (sick, well) = (sick_site.address(), well_site.address());
    let connections = AtomicUsize::new(0);
    let balancer = Site::start(move |mut client| {
        let turn = connections.fetch_add(1, Ordering::SeqCst) % 3;
        async move {
            let backend = if turn == 0 { sick } else { well };
            let mut server = TcpStream::connect(backend).await.unwrap();
            let _ = copy_bidirectional(&mut client, &mut server).await;
        }
    })
    .await;
    for _ in 0..3 {
        let first = HttpIndicator::new("api", &balancer.url("/"));
        let seen = first.check().await.unwrap();
        let said = seen.output().unwrap();
        assert!(
            said.contains("answered 503 Service Unavailable")
                && said.ends_with(" on a new connection; a second one passes"),
            "{said}"
        );
        passes(&HttpIndicator::new("api", &balancer.url("/"))).await;
    }
    assert_eq!(balancer.accepted(), 9);
}

// A redirect, a 404 and a port that refuses say the same on every connection.
#[tokio::test]
async fn only_what_another_backend_may_do_better_is_tried_twice() {
    for (status, connections) in [(302, 1), (404, 1), (500, 2), (503, 2)] {
        let site = answering(move |_| text(status, "no")).await;
        failure(&HttpIndicator::new("api", &site.url("/"))).await;
        assert_eq!(site.accepted(), connections, "{status}");
    }
}

#[tokio::test]
async fn a_backend_that_fails_every_second_request_does_not_hide() {
    let requests = Arc::<AtomicUsize>::default();
    let site = answering(move |_| match requests.fetch_add(1, Ordering::SeqCst) % 2 {
        0 => text(200, "ok"),
        _ => text(503, "sick"),
    })
    .await;
    let indicator = HttpIndicator::new("api", &site.url("/"));
    passes(&indicator).await;
    // The first request of each run fails, and the second passes.
    for _ in 0..10 {
        assert_eq!(indicator.check().await.unwrap().status(), Status::Warn);
    }
}

#[tokio::test]
async fn a_server_that_answers_503_gets_two_requests_and_two_connections_for_each_run() {
    let requests = Arc::<AtomicUsize>::default();
    let is_down = Arc::<AtomicBool>::default();
    let site = answering({
        let (requests, is_down) = (Arc::clone(&requests), Arc::clone(&is_down));
        move |_| {
            requests.fetch_add(1, Ordering::SeqCst);
            match is_down.load(Ordering::SeqCst) {
                true => text(503, "down"),
                false => text(200, "ok"),
            }
        }
    })
    .await;
    let indicator = HttpIndicator::new("api", &site.url("/"));
    passes(&indicator).await;
    is_down.store(true, Ordering::SeqCst);
    failure(&indicator).await;
    // On the kept connection, and on a new one; then on two new ones.
    assert_eq!(requests.load(Ordering::SeqCst), 3);
    for _ in 0..10 {
        failure(&indicator).await;
    }
    assert_eq!(requests.load(Ordering::SeqCst), 23);
    assert_eq!(site.accepted(), 22);
    is_down.store(false, Ordering::SeqCst);
    passes(&indicator).await;
}

#[tokio::test]
async fn a_slow_answer_of_the_kept_connection_counts() {
    // Longer than half of the time, and on every connection but the first for ever.
    let is_slow = Arc::<AtomicBool>::default();
    let connections = AtomicUsize::new(0);
    let site = {
        let is_slow = Arc::clone(&is_slow);
        Site::start(move |connection| {
            let is_kept = connections.fetch_add(1, Ordering::SeqCst) == 0;
            let is_slow = Arc::clone(&is_slow);
            http(connection, move |_| {
                let is_slow = is_slow.load(Ordering::SeqCst);
                async move {
                    match (is_slow, is_kept) {
                        (true, true) => sleep(Duration::from_millis(2_200)).await,
                        (true, false) => pending().await,
                        (false, _) => {}
                    }
                    text(200, "ok")
                }
            })
        })
        .await
    };
    let indicator = HttpIndicator::new("api", &site.url("/"));
    let indicator = indicator.timeout(Duration::from_secs(4));
    passes(&indicator).await;
    is_slow.store(true, Ordering::SeqCst);
    assert_eq!(indicator.check().await.unwrap().status(), Status::Pass);
}

#[tokio::test]
async fn an_old_connection_is_replaced_and_stands_in_once_for_a_new_one_that_fails() {
    let is_closed = Arc::<AtomicBool>::default();
    let site = {
        let is_closed = Arc::clone(&is_closed);
        Site::start(move |connection| {
            let is_closed = is_closed.load(Ordering::SeqCst);
            async move {
                // Dropped unanswered otherwise: a server that takes no more connections.
                if !is_closed {
                    http(connection, |_| async { text(200, "ok") }).await;
                }
            }
        })
        .await
    };
    let always = HttpIndicator::new("api", &site.url("/")).reconnect_after(Duration::ZERO);
    for _ in 0..10 {
        passes(&always).await;
    }
    assert_eq!(site.accepted(), 10);
    let never = HttpIndicator::new("api", &site.url("/")).reconnect_after(Duration::MAX);
    for _ in 0..10 {
        passes(&never).await;
    }
    assert_eq!(site.accepted(), 11);

    let age = Duration::from_millis(1_500);
    let indicator = HttpIndicator::new("api", &site.url("/")).reconnect_after(age);
    passes(&indicator).await;
    let first = site.accepted();
    eventually("the connection is replaced", async || {
        passes(&indicator).await;
        site.accepted() > first
    })
    .await;

    is_closed.store(true, Ordering::SeqCst);
    let mut warnings = Vec::new();
    eventually("the new connection is believed", async || {
        match indicator.check().await {
            Ok(seen) if seen.status() == Status::Warn => {
                warnings.push(seen.output().unwrap().to_owned());
                false
            }
            result => result.is_err(),
        }
    })
    .await;
    let said = warnings.first().expect("the old connection stands in");
    assert!(
        said.contains(" on a new connection; the one kept for ") && said.ends_with(" passes"),
        "{said}"
    );
}
