//! A server that is well, behind a connection that is not.

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use tower_health::HealthIndicator;
use tower_health::indicators::RedisIndicator;

use super::support::NAME;
use crate::servers::redis::{RedisServer, managed_with};
use crate::support::runs::passes;
use crate::support::{PATIENCE, eventually};

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_restart_between_two_runs_costs_no_failure() {
    for protocol in ["", "/?protocol=resp3"] {
        let mut server = RedisServer::start().await;
        let url = format!("redis://{}{protocol}", server.address());
        let client = redis::Client::open(url).unwrap();
        let config = ConnectionManagerConfig::new().set_response_timeout(None);
        let redis = indicator(managed_with(client, config)).round_trip();
        passes(&redis).await;
        for _ in 0..3 {
            server.restart_with("").await;
            let _ = redis.check().await.unwrap();
        }
    }
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn connections_that_the_server_closed_while_idle_cost_no_failure() {
    let server = RedisServer::start().await;
    let mut admin = server.admin().await;
    let config = ConnectionManagerConfig::new().set_response_timeout(None);
    let redis = indicator(managed_with(server.client(), config));
    passes(&redis).await;
    for _ in 0..3 {
        // As `timeout` in redis.conf does, and a gateway that forgets idle connections.
        admin.ask::<()>("CLIENT KILL TYPE normal SKIPME yes").await;
        let _ = redis.check().await.unwrap();
    }
}

// Such a manager keeps its last error, and returns it to the next command.
#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_manager_that_gave_up_costs_no_failure_once_the_server_is_back() {
    let mut server = RedisServer::start().await;
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(None)
        .set_number_of_retries(0);
    let connection = managed_with(server.client(), config);
    let redis = indicator(connection.clone());
    passes(&redis).await;
    server.kill();
    eventually("the manager has given up", async || {
        let ping = redis::cmd("PING");
        let answer = ping.exec_async(&mut connection.clone()).await;
        answer.is_err_and(|error| error.is_connection_refusal())
    })
    .await;
    server.restart_with("").await;
    let _ = redis.check().await.unwrap();
}

fn indicator(connection: ConnectionManager) -> RedisIndicator<ConnectionManager> {
    RedisIndicator::new(NAME, connection).timeout(PATIENCE)
}
