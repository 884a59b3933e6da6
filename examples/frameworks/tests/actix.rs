//! The actix-web example over a real socket.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

#[allow(dead_code, reason = "its `main` is not called")]
#[path = "../src/bin/actix.rs"]
mod example;
mod support;

use std::net::TcpListener;

use support::{Site, ends};
use tokio::sync::oneshot;

#[tokio::test(flavor = "multi_thread")]
async fn actix_web_answers_probes() {
    let site = Site::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (shut_down, shutdown) = oneshot::channel::<()>();
    let shutdown = async { drop(shutdown.await) };
    let server = example::server(listener, site.layer(), shutdown).unwrap();
    let server = tokio::spawn(server);

    site.is_answered_at(address).await;

    drop(shut_down);
    ends(server).await.unwrap();
}
