//! Servers that are not there, do not speak HTTP, or do not speak at all.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower_health::Status;
use tower_health::indicators::HttpIndicator;

use super::http_answers::quick;
use super::site::{Site, answering, text};
use super::verdict::{failure, passes};
use crate::support::eventually;
use crate::support::port::ClosedPort;
use crate::support::proxy::{Mode, Proxy};
use crate::support::watched::Watched;

fn indicator(url: &str) -> HttpIndicator {
    quick(HttpIndicator::new("api", url))
}

#[tokio::test]
async fn a_refused_connection_says_so_and_a_server_that_returns_is_seen() {
    let site = answering(|_| text(200, "")).await;
    let address = site.address();
    let watched = Watched::start("api", indicator(&site.url("/")));
    watched.passes().await;

    drop(site);
    let said = watched.turns_with(Status::Fail, "refused").await;
    let wanted = format!("GET http://{address}/: connecting: Connection refused (os error 111)");
    assert_eq!(said, wanted);

    let _site = Site::start_at(address, |connection| {
        super::site::http(connection, |_| async { text(200, "") })
    })
    .await;
    watched.passes().await;
}

#[tokio::test]
async fn a_host_without_address_says_so() {
    let said = failure(&indicator("http://name.invalid/").timeout(Duration::from_secs(20))).await;
    assert!(
        said.starts_with("GET http://name.invalid/: looking up the host: "),
        "{said}"
    );
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_fails_at_the_timeout() {
    let site = Site::silent().await;
    let said = failure(&indicator(&site.url("/"))).await;
    assert!(
        said.contains("waiting for the answer: no answer within 0."),
        "{said}"
    );
    eventually("the connection is closed", async || site.open() == 0).await;
}

#[tokio::test]
async fn what_is_not_http_fails_with_words() {
    let ssh = Site::says(b"SSH-2.0-OpenSSH_9.2p1\r\n").await;
    let said = failure(&indicator(&ssh.url("/"))).await;
    assert!(
        said.contains("waiting for the answer: invalid HTTP version parsed"),
        "{said}"
    );

    let long = Site::says(&[b'x'; 500_000]).await;
    let said = failure(&indicator(&long.url("/"))).await;
    assert!(said.len() < 300, "{said}");
}

#[tokio::test]
async fn a_connection_that_is_always_closed_unanswered_fails() {
    let site = Site::says(b"").await;
    let said = failure(&indicator(&site.url("/"))).await;
    assert!(
        said.contains("connection closed before message completed"),
        "{said}"
    );
    // Once more, and no more than that.
    assert_eq!(site.accepted(), 2);
}

#[tokio::test]
async fn a_pooled_connection_that_the_server_closes_just_then_is_no_failure() {
    // Each connection answers once, and is closed when the second request comes.
    let site = Site::start(|mut connection| async move {
        let mut buffer = [0; 4096];
        let _ = connection.read(&mut buffer).await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        connection.write_all(answer).await.unwrap();
        let _ = connection.read(&mut buffer).await;
    })
    .await;
    let indicator = indicator(&site.url("/"));
    for _ in 0..20 {
        passes(&indicator).await;
    }
}

#[tokio::test]
async fn a_network_that_resets_slows_and_swallows_is_reported_and_survived() {
    let site = answering(|_| text(200, "")).await;
    let proxy = Proxy::start(site.address()).await;
    let url = format!("http://{}/", proxy.address());
    let watched = Watched::start("api", indicator(&url));
    watched.passes().await;
    proxy.set(Mode::Reset);
    let said = watched.fails().await;
    assert!(
        said.contains("reset by peer") || said.contains("connection closed"),
        "{said}"
    );
    proxy.set(Mode::Slow(Duration::from_millis(50)));
    watched.passes().await;
    proxy.set(Mode::BlackHole);
    watched.turns_with(Status::Fail, "no answer within").await;
    proxy.set(Mode::Pass);
    watched.passes().await;
}

#[tokio::test]
async fn tls_from_a_port_without_tls_says_what_it_may_be() {
    let site = Site::says(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let said = failure(&indicator(&format!("https://{}/", site.address()))).await;
    assert!(
        said.contains("TLS handshake: the response is not TLS"),
        "{said}"
    );
    let absent = ClosedPort::bind();
    let nobody = format!("https://{}/", absent.address());
    let said = failure(&indicator(&nobody)).await;
    assert!(said.contains("connecting: Connection refused"), "{said}");
}
