//! The clients that applications have, around real connections.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::timeout::TimeoutLayer;
use tower::{BoxError, ServiceBuilder, ServiceExt};
use tower_health::indicators::PassiveIndicator;

use super::support::{Counted, counted, payments};
use crate::network::grpc::{ANYWHERE, channel, saying, serving};
use crate::support::port::ClosedPort;
use crate::support::site::{Site, answering, http, text};

/// A request by the client of hyper-util, with a timeout outside the layer.
async fn get(payments: &PassiveIndicator, url: String) -> Result<u16, BoxError> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let client = ServiceBuilder::new()
        .layer(TimeoutLayer::new(Duration::from_millis(300)))
        .layer(payments.layer())
        .service(client);
    let request = Request::get(url).body(Empty::new())?;
    let response = client.oneshot(request).await?;
    let status = response.status();
    response.into_body().collect().await?;
    Ok(status.as_u16())
}

fn of(requests: u64, failed: u64) -> Counted {
    Counted { requests, failed }
}

#[tokio::test]
async fn a_client_of_hyper_counts_answers_errors_and_refusals() {
    let site = answering(|request| match request.uri().path() {
        "/well" => text(200, "ok"),
        _ => text(503, "maintenance"),
    })
    .await;
    let payments = payments();
    assert_eq!(get(&payments, site.url("/well")).await.unwrap(), 200);
    assert_eq!(counted(&payments).await, of(1, 0));
    assert_eq!(get(&payments, site.url("/ill")).await.unwrap(), 503);
    assert_eq!(counted(&payments).await, of(2, 1));
    let closed = ClosedPort::bind();
    let refused = get(&payments, format!("http://{}/", closed.address())).await;
    assert!(refused.is_err());
    assert_eq!(counted(&payments).await, of(3, 2));
}

#[tokio::test]
async fn a_timeout_around_a_client_counts_a_server_that_is_silent() {
    let silent = Site::silent().await;
    let payments = payments().slow_above(Duration::from_millis(250));
    let error = get(&payments, silent.url("/")).await.unwrap_err();
    assert!(error.is::<tower::timeout::error::Elapsed>(), "{error}");
    assert_eq!(counted(&payments).await, of(1, 1));
}

#[tokio::test]
async fn a_body_that_is_cut_off_by_the_server_is_a_failure() {
    let cut = Site::says(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\npay").await;
    let payments = payments();
    get(&payments, cut.url("/")).await.unwrap_err();
    assert_eq!(counted(&payments).await, of(1, 1));
}

#[tokio::test]
async fn requests_to_a_server_that_hangs_are_overdue() {
    let hung = Site::start(|connection| {
        http(connection, async |_| {
            pending::<Infallible>().await;
            text(200, "never")
        })
    })
    .await;
    let payments = payments()
        .window(Duration::from_secs(20))
        .slow_above(Duration::from_millis(100));
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let service = ServiceBuilder::new()
        .layer(payments.layer())
        .service(client);
    let request = Request::get(hung.url("/")).body(Empty::new()).unwrap();
    let call = tokio::spawn(service.oneshot(request));
    crate::support::eventually("the request is overdue", async || {
        counted(&payments).await == of(1, 1)
    })
    .await;
    call.abort();
}

async fn check(payments: &PassiveIndicator, channel: Channel) -> Result<(), tonic::Status> {
    let mut client = HealthClient::new(
        ServiceBuilder::new()
            .layer(payments.layer())
            .service(channel),
    );
    let request = HealthCheckRequest::default();
    client.check(request).await.map(drop)
}

#[tokio::test]
async fn a_channel_of_tonic_counts_by_the_status_of_grpc() {
    let payments = payments();
    let well = serving(ANYWHERE, saying(Ok(1))).await;
    check(&payments, channel(well.address())).await.unwrap();
    assert_eq!(counted(&payments).await, of(1, 0));
    let ill = serving(ANYWHERE, saying(Err((tonic::Code::Unavailable, "down")))).await;
    check(&payments, channel(ill.address())).await.unwrap_err();
    assert_eq!(counted(&payments).await, of(2, 1));
    let unknown = serving(ANYWHERE, saying(Err((tonic::Code::NotFound, "who?")))).await;
    check(&payments, channel(unknown.address()))
        .await
        .unwrap_err();
    assert_eq!(counted(&payments).await, of(3, 1));
    let closed = ClosedPort::bind();
    check(&payments, channel(closed.address()))
        .await
        .unwrap_err();
    assert_eq!(counted(&payments).await, of(4, 2));
}
