//! Redis as a cache, which the service can do without.

use std::time::Duration;

use redis::AsyncCommands;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use tokio::time::timeout;
use tower_health::Check;
use tower_health::indicators::RedisIndicator;

use crate::Error;
use crate::config::Secret;

/// How long an answer of the API waits for the cache. A slow cache is worse than none.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long an entry lives, and how stale it can be when a delete did not reach the cache.
const LIFETIME_SECONDS: u64 = 30;

/// The longest pause between two attempts to connect.
const RECONNECT: Duration = Duration::from_secs(1);

/// A cache, or nothing that is ever found.
#[derive(Clone)]
pub(crate) struct Cache(Option<ConnectionManager>);

impl Cache {
    /// Prepares the connection without opening it.
    ///
    /// # Errors
    ///
    /// Returns an error without the URL, which may hold a password.
    pub(crate) fn open(url: &Secret) -> Result<(Self, Option<Check>), Error> {
        let Some(url) = url.expose() else {
            return Ok((Self(None), None));
        };
        let invalid = |error| format!("redis.url: {error}");
        let client = redis::Client::open(url).map_err(invalid)?;
        let address = client.get_connection_info().addr().clone();
        let config = ConnectionManagerConfig::new().set_max_delay(RECONNECT);
        let connection = ConnectionManager::new_lazy_with_config(client, config);
        let connection = connection.map_err(invalid)?;
        let indicator = RedisIndicator::new("redis", connection.clone())
            .address(&address)
            .round_trip();
        Ok((Self(Some(connection)), Some(Check::new(indicator))))
    }

    pub(crate) async fn get(&self, key: &str) -> Option<String> {
        let mut connection = self.0.clone()?;
        let found = timeout(PATIENCE, connection.get::<_, Option<String>>(key)).await;
        found.ok()?.ok()?
    }

    pub(crate) async fn set(&self, key: &str, value: &str) {
        if let Some(mut connection) = self.0.clone() {
            let stored = connection.set_ex::<_, _, ()>(key, value, LIFETIME_SECONDS);
            // The next reader asks the database, as this one did.
            let _ = timeout(PATIENCE, stored).await;
        }
    }

    pub(crate) async fn remove(&self, key: &str) {
        if let Some(mut connection) = self.0.clone() {
            // What stays behind expires.
            let _ = timeout(PATIENCE, connection.del::<_, ()>(key)).await;
        }
    }
}
