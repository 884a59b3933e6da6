//! NATS.

use std::fs;
use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use tokio::time::timeout;
use tower_health::HealthIndicator;
use tower_health_clients::nats::NatsIndicator;

use crate::counting::held;
use crate::runs::{fails_with, only_fails_with, passes};
use crate::servers::{Server, child};

fn server() -> Server {
    Server::start(|port, _| {
        let mut command = child("nats-server");
        command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
        command
    })
}

async fn client(server: &Server) -> Client {
    let options = ConnectOptions::new()
        .retry_on_initial_connect()
        .ping_interval(Duration::from_secs(1));
    options.connect(server.address().to_string()).await.unwrap()
}

#[tokio::test]
async fn a_server_that_is_killed_fails_and_passes_when_it_is_back() {
    let mut server = server();
    let indicator = NatsIndicator::new("nats", client(&server).await, "health.test");
    passes(&indicator).await;
    server.kill();
    fails_with(&indicator, "the client is disconnected and reconnects").await;
    server.bring_back();
    passes(&indicator).await;
}

// `Client::flush` passes here: the kernel takes the bytes.
#[tokio::test]
async fn a_frozen_server_fails_within_the_timeout_and_passes_when_it_goes_on() {
    let mut server = server();
    let client = client(&server).await;
    let indicator = NatsIndicator::new("nats", client.clone(), "health.test");
    passes(&indicator).await;
    server.freeze();
    client.flush().await.unwrap();
    only_fails_with(&indicator, "request to health.test: no answer within 1.").await;
    server.thaw();
    passes(&indicator).await;
}

// A request that the client itself tracks would stay in its table until the answer.
#[tokio::test]
async fn runs_that_are_given_up_while_the_server_hangs_leave_nothing() {
    let mut server = server();
    let indicator = NatsIndicator::new("nats", client(&server).await, "health.test");
    passes(&indicator).await;
    server.freeze();
    let given_up = async |runs| {
        for _ in 0..runs {
            let run = timeout(Duration::from_millis(2), indicator.check());
            assert!(run.await.is_err(), "it ends");
        }
        // This runtime has one thread, which runs the client too.
        held()
    };
    let before = given_up(50).await;
    let after = given_up(300).await;
    assert!(after - before < 300 * 32, "{} bytes", after - before);
    server.thaw();
    passes(&indicator).await;
}

// The server reports "no responders" only if there is none.
#[tokio::test]
async fn a_subscriber_that_does_not_answer_fails() {
    let server = server();
    let client = client(&server).await;
    let indicator = NatsIndicator::new("nats", client.clone(), "health.test");
    passes(&indicator).await;
    let subscription = client.subscribe("health.test").await.unwrap();
    fails_with(&indicator, "request to health.test: no answer within 1.").await;
    drop(subscription);
    passes(&indicator).await;
}

#[tokio::test]
async fn a_subject_that_is_not_permitted_fails_and_is_named() {
    let server = Server::start(|port, directory| {
        let file = directory.join("nats.conf");
        let text = r#"authorization: { users: [
            { user: "app", password: "s3cr3t", permissions: { publish: "orders.>", subscribe: ">" } }
        ] }"#;
        fs::write(&file, text).unwrap();
        let mut command = child("nats-server");
        command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
        command.arg("--config").arg(file);
        command
    });
    let options = ConnectOptions::with_user_and_password("app".to_owned(), "s3cr3t".to_owned());
    let client = options.connect(server.address().to_string()).await.unwrap();
    let denied = NatsIndicator::new("nats", client.clone(), "health.test");
    fails_with(&denied, "request to health.test: no answer within 1.").await;
    passes(&NatsIndicator::new("nats", client, "orders.health")).await;
}
