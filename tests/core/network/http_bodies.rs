//! Bodies that end, that do not, and that break off.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::stream;
use http::Response;
use http_body_util::{Full, StreamBody};
use hyper::body::{Bytes, Frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tower_health::Status;
use tower_health::indicators::HttpIndicator;

use super::http_answers::quick;
use super::site::{Site, answering, http, silence};
use super::verdict::{failure, passes};
use crate::support::eventually;
use crate::support::watched::Watched;

fn accepts_all(indicator: HttpIndicator) -> HttpIndicator {
    indicator.body(|_| Ok::<_, Infallible>(()))
}

/// Sends as fast as it is read, without end.
async fn endless() -> Site {
    Site::start(|connection| {
        http(connection, |_| async {
            let frame = || Ok::<_, Infallible>(Frame::data(Bytes::from_static(&[b'x'; 8192])));
            let frames = stream::unfold((), move |()| async move { Some((frame(), ())) });
            Response::new(StreamBody::new(frames))
        })
    })
    .await
}

#[tokio::test]
async fn an_endless_body_fails_a_predicate_at_the_limit() {
    let site = endless().await;
    let indicator = HttpIndicator::new("api", &site.url("/"));
    let indicator = accepts_all(indicator.timeout(Duration::from_secs(30)));
    let said = failure(&indicator).await;
    assert!(
        said.ends_with("200 OK, but its body is longer than the limit of 65536 bytes"),
        "{said}"
    );
    eventually("the connection is closed", async || site.open() == 0).await;
}

#[tokio::test]
async fn an_endless_body_is_left_unread_without_a_predicate() {
    let site = endless().await;
    let indicator = HttpIndicator::new("api", &site.url("/"));
    let indicator = indicator.timeout(Duration::from_secs(30));
    passes(&indicator).await;
    eventually("the connection is closed", async || site.open() == 0).await;
}

#[tokio::test]
async fn a_body_at_the_limit_passes_and_one_byte_more_does_not() {
    let site = answering(|_| Response::new(Full::from(vec![b'x'; 1000]))).await;
    let of = |limit| {
        let indicator = HttpIndicator::new("api", &site.url("/"));
        accepts_all(indicator.body_limit(limit))
    };
    passes(&of(1000)).await;
    assert!(failure(&of(999)).await.contains("limit of 999 bytes"));
    assert!(failure(&of(0)).await.contains("limit of 0 bytes"));
}

/// Promises ten bytes and sends four; what comes then is the test's.
async fn four_of_ten(connection: &mut TcpStream) {
    let _ = connection.read(&mut [0; 4096]).await;
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n";
    connection.write_all(head).await.unwrap();
    connection.write_all(b"four").await.unwrap();
}

#[tokio::test]
async fn a_reset_in_the_middle_of_the_body_is_a_failure() {
    let site = Site::start(|mut connection| async move {
        four_of_ten(&mut connection).await;
        sleep(Duration::from_millis(50)).await;
        connection.set_zero_linger().unwrap();
    })
    .await;
    let watched = Watched::start("api", quick(HttpIndicator::new("api", &site.url("/"))));
    let said = watched.turns_with(Status::Fail, "broke off").await;
    assert!(
        said.contains("answered 200 OK, but the body broke off after 4 bytes"),
        "{said}"
    );
    assert!(said.contains("reset by peer"), "{said}");
}

#[tokio::test]
async fn an_end_in_the_middle_of_the_body_is_a_failure() {
    let site =
        Site::start(|mut connection| async move { four_of_ten(&mut connection).await }).await;
    let said = failure(&HttpIndicator::new("api", &site.url("/"))).await;
    assert!(said.contains("the body broke off after 4 bytes"), "{said}");
}

#[tokio::test]
async fn a_body_that_stalls_is_distinguished_from_an_answer_that_never_came() {
    let site = Site::start(|mut connection| async move {
        four_of_ten(&mut connection).await;
        silence(connection).await;
    })
    .await;
    let said = failure(&quick(HttpIndicator::new("api", &site.url("/")))).await;
    assert!(
        said.contains("answered 200 OK, reading the body: no answer within 0."),
        "{said}"
    );
    eventually("the connection is closed", async || site.open() == 0).await;
}
