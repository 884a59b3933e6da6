//! Redis, over fred.

use std::process::Command;

use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::Builder;
use fred::types::config::{Config, ReconnectPolicy};
use tower_health_clients::fred::FredIndicator;

use crate::runs::{fails_with, only_fails_with, passes};
use crate::servers::{Server, child, succeeds};

fn server() -> Server {
    Server::start(|port, directory| {
        let mut command = child("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--save", "", "--appendonly", "no"]);
        command.arg("--dir").arg(directory);
        command
    })
}

async fn client(server: &Server) -> Client {
    let config = Config::from_url(&format!("redis://{}", server.address())).unwrap();
    let mut builder = Builder::from_config(config);
    builder.set_policy(ReconnectPolicy::new_constant(0, 100));
    let client = builder.build().unwrap();
    client.init().await.unwrap();
    client
}

#[tokio::test]
async fn a_server_that_is_killed_fails_and_passes_when_it_is_back() {
    let mut server = server();
    let indicator = FredIndicator::new("redis", client(&server).await);
    passes(&indicator).await;
    server.kill();
    let text = fails_with(&indicator, "PING").await;
    assert!(text.contains("; the client is "), "{text}");
    server.bring_back();
    passes(&indicator).await;
}

#[tokio::test]
async fn a_frozen_server_fails_within_the_timeout_and_passes_when_it_goes_on() {
    let mut server = server();
    let indicator = FredIndicator::new("redis", client(&server).await);
    passes(&indicator).await;
    server.freeze();
    only_fails_with(&indicator, "PING: no answer within 1.").await;
    server.thaw();
    passes(&indicator).await;
}

#[tokio::test]
async fn an_error_of_the_server_is_repeated() {
    let server = server();
    let indicator = FredIndicator::new("redis", client(&server).await);
    passes(&indicator).await;
    let port = server.port().to_string();
    let tell = |command: &str| {
        let mut cli = Command::new("redis-cli");
        succeeds(cli.args(["-p", &port]).args(command.split(' ')));
    };
    tell("config set replica-serve-stale-data no");
    tell("replicaof 127.0.0.1 1");
    fails_with(&indicator, "MASTERDOWN").await;
    tell("replicaof no one");
    passes(&indicator).await;
}
