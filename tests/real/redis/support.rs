//! The indicator under test, and what its report must never hold.

use std::time::Duration;

use redis::Client;
use redis::aio::ConnectionManager;
use tower_health::Status;
use tower_health::indicators::RedisIndicator;

use crate::servers::redis::managed;
use crate::support::watched::Watched;

pub(crate) const NAME: &str = "redis";
pub(crate) const PASSWORD: &str = "s3cr3t-Pa55";

/// Over a managed connection, with a timeout that does not take the test long.
pub(crate) fn indicator(client: Client) -> RedisIndicator<ConnectionManager> {
    let address = client.get_connection_info().addr().clone();
    RedisIndicator::new(NAME, managed(client))
        .address(&address)
        .timeout(Duration::from_millis(500))
}

pub(crate) fn watch(client: Client) -> Watched {
    Watched::start(NAME, indicator(client))
}

/// Waits for a failure with this part in its text, and looks at the rest of it.
pub(crate) async fn fails_with(watched: &Watched, part: &str) -> String {
    let text = watched.turns_with(Status::Fail, part).await;
    assert!(!text.contains(PASSWORD), "{text}");
    text
}

/// A connection of the application's own making, which never answers.
#[derive(Clone)]
pub(crate) struct Silent;

impl redis::aio::ConnectionLike for Silent {
    fn req_packed_command<'a>(
        &'a mut self,
        _: &'a redis::Cmd,
    ) -> redis::RedisFuture<'a, redis::Value> {
        Box::pin(std::future::pending())
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        _: &'a redis::Pipeline,
        _: usize,
        _: usize,
    ) -> redis::RedisFuture<'a, Vec<redis::Value>> {
        Box::pin(std::future::pending())
    }

    fn get_db(&self) -> i64 {
        0
    }
}
