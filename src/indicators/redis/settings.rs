//! What an application can set.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use redis::ConnectionAddr;

use super::RedisIndicator;
use super::primary::ExpectedPrimary;
use super::server::Server;

impl<C> RedisIndicator<C> {
    /// Sets the address that failures and `componentId` show, because a connection does not expose
    /// its own.
    ///
    /// It is the return value of `client.get_connection_info().addr()`, and holds no credentials.
    ///
    /// While a `ConnectionManager` tries to connect, it returns neither an answer nor an error. So
    /// the first run that gets neither opens a TCP connection to this address and closes it, for
    /// which it keeps a tenth of the timeout. If that fails, the failure says why. Until the server
    /// answers again, no further run does this.
    pub fn address(mut self, address: &ConnectionAddr) -> Self {
        self.address = Some(address.to_string());
        self.server = Server::at(address);
        self
    }

    /// Also writes a key and reads it back, which fails on a replica, a full or a read-only server.
    ///
    /// The key is [`key_prefix`](Self::key_prefix) and a random number of this indicator, so that
    /// instances do not interfere. It expires after twice the timeout, and at least 10 s. The user
    /// needs permission for SET and GET below the prefix. If reads go to replicas, a replica that
    /// lags returns an old value, and the check fails.
    pub fn round_trip(mut self) -> Self {
        self.round_trip = Some(RandomState::new().hash_one(&self.name));
        self
    }

    /// Also fails on a replica, for an application that writes.
    ///
    /// Use it where a failover can leave the connection on a primary that was demoted: with
    /// Sentinel, with a name in the DNS, with a virtual address. PING passes there while each write
    /// fails. The role comes with the answer to `HELLO`, which needs Redis 6 and, unlike `ROLE`, no
    /// permission in the ACL. An active replica of KeyDB passes, since it takes writes. It has no
    /// effect with [`cluster`](Self::cluster), where the client finds the primary of each key.
    pub fn expect_primary(mut self) -> Self {
        self.primary.get_or_insert_default();
        self
    }

    /// As [`expect_primary`](Self::expect_primary), and closes the connection on a replica with
    /// `QUIT`, so that the client connects again and may reach the new primary.
    ///
    /// Without this, the application stays on a demoted primary until it restarts, if the server
    /// does not close the connection itself. Sentinel makes it do so; a DNS name that moves does
    /// not. If the new connection leads to the primary, the same run passes; otherwise it fails, and
    /// the next connection is closed after a minute at the earliest.
    ///
    /// Commands of the application that follow the `QUIT` on this connection fail, so the
    /// application has to live with a lost connection. The client has to reconnect, as a
    /// `ConnectionManager` does. A `MultiplexedConnection` does not, and is left open.
    pub fn close_on_replica(mut self) -> Self {
        self.primary = Some(ExpectedPrimary::closing_replicas());
        self
    }

    /// Reads a key in each shard instead of sending one PING. **Use it with every
    /// `redis::cluster_async::ClusterConnection`.**
    ///
    /// Without it, the client sends the PING to all primaries: a run fails when one of many shards
    /// is lost, does not say which, and passes while the whole cluster refuses commands with
    /// `CLUSTERDOWN`, since PING needs no slot.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use redis::cluster::ClusterClientBuilder;
    /// use tower_health::indicators::RedisIndicator;
    ///
    /// # async fn start() -> redis::RedisResult<()> {
    /// let client = ClusterClientBuilder::new(["redis://cache-0.internal:6379"])
    ///     // Without it, a command to a node that hangs never ends.
    ///     .response_timeout(Duration::from_millis(500))
    ///     .build()?;
    /// let connection = client.get_async_connection().await?;
    /// let cache = RedisIndicator::new("cache", connection.clone()).cluster();
    /// # let _ = cache;
    /// # Ok(())
    /// # }
    /// ```
    pub fn cluster(mut self) -> Self {
        self.cluster.get_or_insert_default();
        self
    }

    /// Sets how many shards of a [`cluster`](Self::cluster), which this implies, have to answer: the
    /// check warns while so many do, and fails when fewer do. Default: more than half.
    ///
    /// A cluster that has fewer shards needs all of them; `usize::MAX` always requires all, and each
    /// slot to have a shard. It must not be 0. Require all if each request of the application touches
    /// many keys: then most requests fail with the first lost shard. Keep in mind that a shard is lost
    /// for all instances at once, so a failure takes the whole service out.
    pub fn min_shards(mut self, shards: usize) -> Self {
        self.cluster.get_or_insert_default().min_shards = Some(shards);
        self
    }

    /// Sets the prefix of the keys of a round trip and of a cluster. Default: `tower-health:`.
    ///
    /// With [`cluster`](Self::cluster) it must not contain a hash tag.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.key_prefix = prefix.into();
        self
    }

    /// Sets how long a run may take. Default: 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}
