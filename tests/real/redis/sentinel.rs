//! A failover by a real Sentinel.

use std::sync::Arc;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::sentinel::SentinelClient;
use redis::{Cmd, Pipeline, RedisFuture, RedisResult, Value};
use tokio::sync::Mutex;
use tower_health::HealthIndicator;
use tower_health::indicators::RedisIndicator;

use super::support::{NAME, fails_with, indicator};
use crate::servers::redis_sentinel::{RedisSentinel, has_role};
use crate::support::watched::Watched;

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn it_fails_without_a_primary_and_passes_on_the_new_one() {
    let mut sentinel = RedisSentinel::start().await;
    let connection = Follower::new(sentinel.client());
    let redis = RedisIndicator::new(NAME, connection).expect_primary();
    let watched = Watched::start(NAME, redis.timeout(std::time::Duration::from_secs(1)));
    watched.passes().await;
    sentinel.primary.kill();
    watched.fails().await;
    has_role(&sentinel.replica, "master").await;
    watched.passes().await;

    // The old primary comes back, and is made a replica.
    sentinel.primary.restart_with("").await;
    has_role(&sentinel.primary, "slave").await;
    watched.runs(3).await;
    watched.passes().await;
}

#[tokio::test]
#[ignore = "needs redis-server: run .ci/test"]
async fn a_connection_that_stays_on_the_demoted_primary_never_passes() {
    let sentinel = RedisSentinel::start().await;
    let watched = Watched::start(NAME, indicator(sentinel.primary.client()).expect_primary());
    let redis = indicator(sentinel.primary.client()).expect_primary();
    watched.passes().await;
    sentinel.fail_over().await;
    has_role(&sentinel.primary, "slave").await;
    for _ in 0..10 {
        assert!(redis.check().await.is_err());
    }
    fails_with(&watched, "the server is a replica").await;
    has_role(&sentinel.replica, "master").await;
}

/// What an application with Sentinel has: a connection that is made again, wherever the primary is
/// then, when it breaks.
#[derive(Clone)]
struct Follower(Arc<Mutex<(SentinelClient, Option<MultiplexedConnection>)>>);

impl Follower {
    fn new(client: SentinelClient) -> Self {
        Self(Arc::new(Mutex::new((client, None))))
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let mut guard = self.0.lock().await;
        let (client, connection) = &mut *guard;
        if connection.is_none() {
            *connection = Some(client.get_async_connection().await?);
        }
        Ok(connection.clone().unwrap())
    }
}

impl ConnectionLike for Follower {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let answer = self.connection().await?.req_packed_command(command).await;
            if answer.as_ref().is_err_and(redis::RedisError::is_io_error) {
                self.0.lock().await.1 = None;
            }
            answer
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        _: &'a Pipeline,
        _: usize,
        _: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        unimplemented!("the indicator sends no pipeline")
    }

    fn get_db(&self) -> i64 {
        0
    }
}
