//! S3, as moto serves it, and a store without a server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt, RetryConfig};
use tower_health_clients::object_store::ObjectStoreIndicator;

use crate::runs::{fails_with, only_fails_with, passes};
use crate::servers::{Server, child};

const BUCKET: &str = "shop";

/// Moto checks credentials once it has served this many requests.
fn server(before_it_checks: &'static str) -> Server {
    let server = Server::start(move |port, _| {
        let mut command = child("moto_server");
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.env("INITIAL_NO_AUTH_ACTION_COUNT", before_it_checks);
        command
    });
    create_bucket(&server);
    server
}

/// `ObjectStore` has no call for this.
fn create_bucket(server: &Server) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let request = format!(
        "PUT /{BUCKET} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        server.address()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
}

fn store(server: &Server, bucket: &str) -> Arc<AmazonS3> {
    let retry = RetryConfig {
        max_retries: 1,
        retry_timeout: Duration::from_secs(1),
        ..RetryConfig::default()
    };
    let store = AmazonS3Builder::new()
        .with_endpoint(format!("http://{}", server.address()))
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name(bucket)
        .with_access_key_id("app")
        .with_secret_access_key("s3cr3t")
        .with_retry(retry)
        .build();
    Arc::new(store.unwrap())
}

#[tokio::test]
async fn a_key_passes_whether_it_exists_or_not() {
    let server = server("inf");
    let store = store(&server, BUCKET);
    let indicator = ObjectStoreIndicator::new("s3", store.clone(), "health");
    passes(&indicator).await;
    store
        .put(&Path::from("health"), "here".into())
        .await
        .unwrap();
    passes(&indicator).await;
}

// HEAD returns 404 for this as well, without a body.
#[tokio::test]
async fn a_bucket_that_does_not_exist_fails() {
    let server = server("inf");
    let indicator = ObjectStoreIndicator::new("s3", store(&server, "nobody"), "health");
    fails_with(&indicator, "there is no such bucket").await;
}

#[tokio::test]
async fn credentials_that_are_refused_fail_with_the_reason() {
    let server = server("1");
    let indicator = ObjectStoreIndicator::new("s3", store(&server, BUCKET), "health");
    let text = fails_with(&indicator, "forbids this key to these credentials (403)").await;
    assert!(text.contains("InvalidAccessKeyId"), "{text}");
}

#[tokio::test]
async fn a_server_that_is_killed_fails_and_passes_when_it_is_back() {
    let mut server = server("inf");
    let indicator = ObjectStoreIndicator::new("s3", store(&server, BUCKET), "health");
    passes(&indicator).await;
    server.kill();
    fails_with(&indicator, "Connection refused").await;
    server.bring_back();
    create_bucket(&server);
    passes(&indicator).await;
}

#[tokio::test]
async fn a_frozen_server_fails_within_the_timeout_and_passes_when_it_goes_on() {
    let mut server = server("inf");
    let indicator = ObjectStoreIndicator::new("s3", store(&server, BUCKET), "health");
    passes(&indicator).await;
    server.freeze();
    only_fails_with(&indicator, "HEAD health: no answer within 1.").await;
    server.thaw();
    passes(&indicator).await;
}

#[tokio::test]
async fn a_store_without_a_server_passes() {
    passes(&ObjectStoreIndicator::new(
        "files",
        Arc::new(InMemory::new()),
        "health",
    ))
    .await;
}
