//! The Rocket example over a real socket.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

#[allow(dead_code, reason = "its `main` is not called")]
#[path = "../src/bin/rocket.rs"]
mod example;
mod support;

use std::net::SocketAddr;

use rocket::fairing::AdHoc;
use support::{Site, ends};
use tokio::sync::mpsc;

#[tokio::test(flavor = "multi_thread")]
async fn rocket_answers_probes() {
    let site = Site::new();
    let rocket = example::rocket(site.layer());
    let quiet_on_any_port = rocket
        .figment()
        .clone()
        .merge(("port", 0))
        .merge(("log_level", "off"));
    let (at, mut addresses) = mpsc::unbounded_channel();
    let rocket = rocket
        .configure(quiet_on_any_port)
        .attach(AdHoc::on_liftoff("address", |rocket| {
            Box::pin(async move {
                at.send(SocketAddr::new(
                    rocket.config().address,
                    rocket.config().port,
                ))
                .unwrap();
            })
        }))
        .ignite()
        .await
        .unwrap();
    let shutdown = rocket.shutdown();
    let server = tokio::spawn(rocket.launch());

    site.is_answered_at(addresses.recv().await.unwrap()).await;

    shutdown.notify();
    ends(server).await.unwrap();
}
