//! What a thousand runs leave behind: nothing.

use std::time::Duration;

use redis::aio::ConnectionManagerConfig;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tower_health::HealthIndicator;
use tower_health::indicators::RedisIndicator;

use super::support::NAME;
use crate::servers::redis::{RedisServer, managed, managed_with};
use crate::support::runs::{passes, runs_pass};

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_thousand_runs_leave_no_task_no_connection_and_one_key() {
    let mut server = RedisServer::start().await;
    let mut admin = server.admin().await;
    let redis = RedisIndicator::new(NAME, managed(server.client()))
        .timeout(Duration::from_millis(50))
        .round_trip();
    let _ = redis.check().await.unwrap();
    let tasks = Handle::current().metrics().num_alive_tasks();

    runs_pass(&redis, 470).await;
    server.freeze();
    for run in 0..60 {
        // Half of them end by their own time, half are aborted from outside.
        let patience = Duration::from_millis(if run % 2 == 0 { 5_000 } else { 10 });
        assert!(!matches!(timeout(patience, redis.check()).await, Ok(Ok(_))));
    }
    server.thaw();
    passes(&redis).await;
    runs_pass(&redis, 470).await;

    assert_eq!(Handle::current().metrics().num_alive_tasks(), tasks);
    assert_eq!(admin.connections().await, 2);
    assert_eq!(admin.ask::<usize>("DBSIZE").await, 1);
}

/// The application sets no response timeout when it uses blocking commands.
#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_silent_server_is_sent_one_command_however_often_the_check_runs() {
    let mut server = RedisServer::start().await;
    let mut admin = server.admin().await;
    let config = ConnectionManagerConfig::new().set_response_timeout(None);
    let redis = RedisIndicator::new(NAME, managed_with(server.client(), config))
        .timeout(Duration::from_millis(20));
    let _ = redis.check().await.unwrap();
    let before = admin.calls("ping").await;

    server.freeze();
    for _ in 0..60 {
        let text = redis.check().await.unwrap_err().to_string();
        assert!(text.contains("PING: no answer within"), "{text}");
    }
    server.thaw();
    passes(&redis).await;
    // The one that was waited for, the one of the first pass, and those of runs while it thawed.
    let sent = admin.calls("ping").await - before;
    assert!((2..10).contains(&sent), "{sent}");
}
