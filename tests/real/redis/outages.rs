//! Servers and ways to them that break down, and come back.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use tower_health::HealthIndicator;
use tower_health::indicators::RedisIndicator;

use super::support::{NAME, fails_with, indicator, watch};
use crate::servers::redis::{RedisServer, client, managed_with};
use crate::servers::redis_cluster::RedisCluster;
use crate::support::port::ClosedPort;
use crate::support::proxy::{Mode, Proxy};
use crate::support::runs::{passes, runs_pass};
use crate::support::watched::Watched;

#[tokio::test]
async fn a_closed_port_is_reported_with_its_address() {
    let absent = ClosedPort::bind();
    let port = absent.address().port();
    let watched = watch(client("", port));
    let text = fails_with(&watched, "refused").await;
    assert!(
        text.starts_with(&format!("Redis at 127.0.0.1:{port}: PING: ")),
        "{text}"
    );
    fails_with(
        &watched,
        "no process listens on this port: the server is down",
    )
    .await;
}

// A ConnectionManager keeps its error to itself for as long as it tries again, which by default
// takes longer than a run.
#[tokio::test]
async fn the_first_failure_on_a_closed_port_names_the_refusal() {
    let absent = ClosedPort::bind();
    let port = absent.address().port();
    let redis = with_defaults(&client("", port));
    for link in ["; ", "; the last error was: "] {
        let text = redis.check().await.unwrap_err().to_string();
        let start = format!("Redis at 127.0.0.1:{port}: PING: no answer within ");
        assert!(text.starts_with(&start), "{text}");
        assert!(
            text.contains(&format!(" s{link}cannot connect: ")),
            "{text}"
        );
        assert!(text.contains("refused"), "{text}");
        assert!(text.contains("no process listens on this port"), "{text}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn the_first_failure_after_a_server_went_down_names_the_refusal() {
    let mut server = RedisServer::start().await;
    let redis = with_defaults(&server.client());
    passes(&redis).await;
    server.kill();
    let text = redis.check().await.unwrap_err().to_string();
    assert!(text.contains("no process listens on this port"), "{text}");
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_frozen_server_is_connected_to_once_in_an_outage_and_left_alone_afterwards() {
    let mut server = RedisServer::start().await;
    let mut admin = server.admin().await;
    let client = server.client();
    let config = ConnectionManagerConfig::new().set_response_timeout(None);
    let redis = RedisIndicator::new(NAME, managed_with(client.clone(), config))
        .address(client.get_connection_info().addr())
        .timeout(Duration::from_secs(1));
    for _ in 0..2 {
        passes(&redis).await;
        let before = admin.connections_received().await;
        runs_pass(&redis, 3).await;
        assert_eq!(admin.connections_received().await, before);
        server.freeze();
        for _ in 0..2 {
            let text = redis.check().await.unwrap_err().to_string();
            assert!(text.contains("PING: no answer within 0."), "{text}");
            assert!(text.ends_with(" s"), "{text}");
        }
        server.thaw();
        passes(&redis).await;
        admin.settles_at(2).await;
        assert_eq!(admin.connections_received().await, before + 1);
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_server_that_was_killed_and_restarted_recovers_on_one_connection() {
    let mut server = RedisServer::start().await;
    let watched = watch(server.client());
    watched.passes().await;
    server.kill();
    watched.fails().await;
    fails_with(&watched, "refused").await;
    server.restart_with("").await;
    watched.passes().await;
    // The application's and the one that counts.
    server.admin().await.settles_at(2).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_multiplexed_connection_says_that_it_never_connects_again() {
    let mut server = RedisServer::start().await;
    let connection = server.client().get_multiplexed_async_connection().await;
    let watched = Watched::start(NAME, RedisIndicator::new(NAME, connection.unwrap()));
    watched.passes().await;
    server.restart_with("").await;
    fails_with(&watched, "a MultiplexedConnection never reconnects").await;
    watched.runs(3).await;
    watched.fails().await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_frozen_server_fails_and_a_thawed_one_passes_on_the_same_connection() {
    let mut server = RedisServer::start().await;
    let watched = watch(server.client());
    watched.passes().await;
    let before = server.admin().await.ask::<String>("CLIENT LIST").await;
    server.freeze();
    let text = watched.fails().await;
    assert!(text.contains("PING: no answer within 0."), "{text}");
    server.thaw();
    watched.passes().await;
    let mut admin = server.admin().await;
    admin.settles_at(2).await;
    let id = |list: &str| list.split_whitespace().next().unwrap().to_owned();
    assert_eq!(id(&before), id(&admin.ask::<String>("CLIENT LIST").await));
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn the_response_timeout_of_the_connection_is_named() {
    let mut server = RedisServer::start().await;
    let config =
        ConnectionManagerConfig::new().set_response_timeout(Some(Duration::from_millis(50)));
    let connection = managed_with(server.client(), config);
    let watched = Watched::start(NAME, RedisIndicator::new(NAME, connection));
    watched.passes().await;
    server.freeze();
    fails_with(
        &watched,
        "the response or connection timeout of the connection",
    )
    .await;
    server.thaw();
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_way_that_is_slow_silent_or_rude_fails_and_recovers() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let watched = watch(client("", proxy.port()));
    watched.passes().await;
    for (mode, part) in [
        (Mode::Slow(Duration::from_secs(2)), "PING: no answer within"),
        (Mode::BlackHole, "PING: no answer within"),
        (Mode::Reset, "the client is reconnecting"),
    ] {
        proxy.set(mode);
        fails_with(&watched, part).await;
        proxy.set(Mode::Pass);
        watched.passes().await;
    }
    let mut admin = server.admin().await;
    admin.settles_at(2).await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_connection_to_one_node_of_a_cluster_says_which_one_to_use() {
    let cluster = RedisCluster::start().await;
    // Each indicator has a key of its own, and a third of all keys belongs to this node.
    let text = loop {
        let redis = indicator(cluster.nodes[0].client()).round_trip();
        if let Err(failure) = redis.check().await {
            break failure.to_string();
        }
    };
    assert!(text.contains("MOVED"), "{text}");
    assert!(
        text.contains("use a ClusterConnection and `cluster()`"),
        "{text}"
    );
}

fn with_defaults(client: &redis::Client) -> RedisIndicator<ConnectionManager> {
    let config = ConnectionManagerConfig::new();
    let connection = ConnectionManager::new_lazy_with_config(client.clone(), config).unwrap();
    RedisIndicator::new(NAME, connection).address(client.get_connection_info().addr())
}
