//! The poem example over a real socket.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

#[allow(dead_code, reason = "its `main` is not called")]
#[path = "../src/bin/poem.rs"]
mod example;
mod support;

use tokio::net::TcpListener;

use support::{Site, ends};
use tokio::sync::oneshot;

#[tokio::test(flavor = "multi_thread")]
async fn poem_answers_probes() {
    let site = Site::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (shut_down, shutdown) = oneshot::channel::<()>();
    let shutdown = async { drop(shutdown.await) };
    let server = tokio::spawn(example::serve(listener, site.layer(), shutdown));

    site.is_answered_at(address).await;

    drop(shut_down);
    ends(server).await.unwrap();
}
