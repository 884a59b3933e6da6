//! RESP3, whose server sends messages that answer no command.

use redis::aio::ConnectionManagerConfig;
use tokio::sync::mpsc::unbounded_channel;
use tower_health::HealthIndicator;
use tower_health::indicators::RedisIndicator;

use super::support::NAME;
use crate::servers::redis::{RedisServer, managed_with};
use crate::support::PATIENCE;

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn messages_that_the_server_pushes_are_no_answer_to_a_command() {
    let server = RedisServer::start().await;
    let url = format!("redis://{}/?protocol=resp3", server.address());
    let (sender, mut pushed) = unbounded_channel();
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(None)
        .set_push_sender(sender);
    let mut connection = managed_with(redis::Client::open(url).unwrap(), config);
    // Each write of any client is reported to this connection, and so is each message.
    let mut tracking = redis::cmd("CLIENT");
    tracking.arg("TRACKING").arg("ON").arg("BCAST");
    tracking.exec_async(&mut connection).await.unwrap();
    connection.subscribe("news").await.unwrap();

    let redis = RedisIndicator::new(NAME, connection).timeout(PATIENCE);
    let redis = redis.round_trip().expect_primary();
    let mut admin = server.admin().await;
    let mut seen = 0;
    for run in 0..50 {
        admin.ask::<()>(&format!("SET key {run}")).await;
        admin.ask::<()>(&format!("PUBLISH news {run}")).await;
        let _ = redis.check().await.unwrap();
        while pushed.try_recv().is_ok() {
            seen += 1;
        }
    }
    assert!(seen >= 100, "{seen}");
}
