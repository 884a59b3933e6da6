//! Redis over the application's own connection: a PING, and optionally a round trip, the role of the
//! server, or a read in each shard of a cluster.

mod cluster;
mod message;
mod pending;
mod primary;
mod round_trip;
mod run;
mod server;
mod settings;

use std::fmt;
use std::time::{Duration, Instant};

use redis::aio::ConnectionLike;

use self::cluster::Cluster;
use self::pending::CommandSlot;
use self::primary::ExpectedPrimary;
use self::server::Server;
use crate::indicators::shared::budget::{self, Budget};
use crate::indicators::shared::config;
use crate::{CheckResult, ComponentType, HealthIndicator};

/// Checks a Redis server, or a cluster, over the application's own connection.
///
/// It takes a clone of any shareable connection of the `redis` crate 1: a
/// `redis::aio::ConnectionManager`, a `redis::aio::MultiplexedConnection`, and with
/// [`cluster()`](Self::cluster) a `redis::cluster_async::ClusterConnection`. Use the
/// `ConnectionManager`: **a `MultiplexedConnection` never reconnects**. After a restart of the server
/// the check fails, like the application's own commands, until the process restarts too. The failure
/// says so.
///
/// ```no_run
/// use std::time::Duration;
///
/// use redis::aio::{ConnectionManager, ConnectionManagerConfig};
/// use tower_health::Health;
/// use tower_health::indicators::RedisIndicator;
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let client = redis::Client::open("redis://cache.internal:6379")?;
/// let address = client.get_connection_info().addr().clone();
/// // Lazy, so that the service starts and reports the fault while Redis is down.
/// let config = ConnectionManagerConfig::new().set_max_delay(Duration::from_secs(1));
/// let connection = ConnectionManager::new_lazy_with_config(client, config)?;
///
/// let redis = RedisIndicator::new("redis", connection.clone())
///     .address(&address)
///     .expect_primary();
/// let health = Health::builder().readiness(redis).start()?;
/// # let _ = health;
/// # Ok(())
/// # }
/// ```
///
/// # What it sends
///
/// Each run, every 5 s by default, sends these commands over the connection of the application. The
/// last column is for 500 instances:
///
/// | setting | commands of a run | commands per second |
/// |---|---|---|
/// | none | PING | 100 |
/// | [`expect_primary`](Self::expect_primary) | PING, HELLO | 200 |
/// | [`round_trip`](Self::round_trip) | PING, SET, GET | 300 |
/// | [`cluster`](Self::cluster) | GET, in each shard at once | 100 at each primary |
/// | `cluster` and `round_trip` | SET, GET, in each shard at once | 200 at each primary |
///
/// Each of these rows took about 0.5 % of a core of a Redis 7.0 with 500 connections. In a cluster
/// the load of a primary does not grow with the number of shards; what one instance sends does. A
/// random node also receives CLUSTER SLOTS once a minute from each instance, 8 a second in all at
/// about 25 µs, to know the shards; while a shard is lost or a slot has none, it does so in each run,
/// and with a lost shard CLUSTER INFO too. Without a round trip, the reads of a cluster are of keys
/// that nobody writes, so `keyspace_misses` counts them.
///
/// It opens no connection, with one exception: see [`address`](Self::address). A PING whose
/// connection turns out to be broken is sent once more. [`close_on_replica`](Self::close_on_replica)
/// closes a connection, at most once a minute. A round trip leaves one key of about 100 bytes for
/// each indicator, or for each indicator and shard, until it expires.
///
/// # Verdicts
///
/// **Pass**: the server answers PONG, and what further settings ask for. A connection that broke
/// since the last run does not count: the run waits for the next one.
///
/// **Warn**: only a cluster warns: while more than half of its shards answer but not all do, or not
/// as many as [`min_shards`](Self::min_shards) says; and while some slots have no shard. The text
/// names the shards that are lost and why. It is no failure, because a lost shard is lost for all
/// instances of a service: if they all left the load balancer, a third of the requests would fail no
/// longer, and all of them would.
///
/// **Fail**: an error of the server or no answer within nine tenths of the timeout. The text has the
/// command, the message of the server and what it means: for example that it is still loading its
/// data, is a replica without its master, requires a password, lacks a permission for this user and
/// which, has no connections or memory left, or has an expired certificate. With `expect_primary`
/// also a replica. A cluster fails when too few shards answer. Slots without a shard belong to a shard
/// that is lost: half of them fail the cluster, or with `min_shards` any of them while fewer shards
/// answer. It also fails when all shards refuse with CLUSTERDOWN: by
/// default (`cluster-require-full-coverage yes`) that is what a cluster does when one shard is lost
/// for longer than `cluster-node-timeout` and has no replica.
///
/// # What it cannot see
///
/// - A replica, without `expect_primary` or `round_trip`: PING passes there.
/// - A primary that the rest of its group has given up, as long as it cannot know that: until the
///   partition ends it has the role of a primary and takes writes, which are lost.
///   `min-replicas-to-write` makes it refuse them, which `round_trip` sees.
/// - A full or a read-only server, without `round_trip`.
/// - Permissions for other keys and commands than its own, and other databases.
/// - Other connections: if the application has several, each can be broken alone.
/// - In a cluster: replicas, unless the client reads from them; a new shard for up to a minute; a
///   slot whose shard answers for others. If one instance alone cannot reach a shard, the check
///   warns as if the shard were lost for all.
///
/// # Defaults
///
/// Timeout 2 s, TTL 5 s, critical, `componentType` `datastore`. Readings: `responseTime` of the PING,
/// or of the slowest shard, and `roundTrip` of SET and GET together, both in `ms`; for a cluster also
/// `answeringShards` and `shards`.
///
/// # Settings of the connection that matter
///
/// - The response timeout of the connection expires before that of the check: it is 500 ms unless
///   the application sets it (`set_response_timeout`). A slower answer is a failure, as it is for
///   the application's own commands. **A `ClusterConnection` has none by default**: a command to a
///   node that hangs never ends. Set `response_timeout` of its `ClusterClientBuilder`.
/// - A `ConnectionManager` reconnects in the background when a command meets a broken connection,
///   with up to 6 retries whose delays double from 100 ms. So it can wait for more than 3 s while
///   the server is back already, and runs during that time get no answer; their failure repeats the
///   last error, or that of [`address`](Self::address) if there is none. With
///   `set_max_delay(Duration::from_secs(1))` it finds a recovered server within about 1 s. Give it
///   less than the timeout of the check, and the check passes within one TTL.
/// - If the server refuses the password while a `ConnectionManager` connects, and its retries are
///   used up, it never reconnects. Check and commands fail until the process restarts.
/// - A connection whose peer vanished silently (a power failure, a gateway that dropped its state)
///   breaks only when TCP gives up, after about 15 minutes on Linux.
///   `redis::io::tcp::TcpSettings::set_user_timeout` shortens that.
/// - A `ClusterConnection` looks for a lost node again with each command for it, and keeps all other
///   commands waiting meanwhile: for its `connection_timeout`, 1 s by default, if the node does not
///   refuse. Then commands to other shards time out too, and the check fails with them.
/// - `redis://` at a port with TLS, and the other way round, looks like a server that closes each
///   connection or does not answer.
///
/// # A server that does not respond
///
/// The `redis` crate keeps an entry of about 270 bytes for each command until its answer arrives or
/// the connection breaks, even if the caller has stopped waiting. So this indicator keeps waiting
/// for the answer to its last command instead of sending another one, for up to a minute. That does
/// not help if the response timeout of the connection ends the wait, as it does by default, nor in a
/// cluster: then each run leaves one entry, in a cluster one for each frozen shard, while the server
/// does not respond, about 4 MB per day at the default TTL. The application's own commands do the
/// same.
#[must_use = "an indicator does nothing until it is registered"]
pub struct RedisIndicator<C> {
    name: String,
    connection: C,
    /// `Some` if failures should name the server.
    address: Option<String>,
    /// `Some` if that is a host and port.
    server: Option<Server>,
    timeout: Duration,
    /// `Some` if a run also writes and reads a key: what makes it the key of this indicator alone.
    round_trip: Option<u64>,
    key_prefix: String,
    /// `Some` if a replica fails.
    primary: Option<ExpectedPrimary>,
    /// `Some` if the connection is one to a cluster.
    cluster: Option<Cluster>,
    slot: CommandSlot,
}

impl<C> RedisIndicator<C> {
    /// Creates an indicator for the server behind this clone of the application's connection.
    pub fn new(name: impl Into<String>, connection: C) -> Self {
        Self {
            name: name.into(),
            connection,
            address: None,
            server: None,
            timeout: budget::TIMEOUT,
            round_trip: None,
            key_prefix: "tower-health:".to_owned(),
            primary: None,
            cluster: None,
            slot: CommandSlot::default(),
        }
    }

    /// The key that a run reads, and in a cluster the prefix of those that it reads.
    fn key(&self) -> String {
        match self.round_trip {
            // Without a write, all instances read the same key, which nobody writes.
            None => self.key_prefix.clone(),
            Some(id) => format!("{}{id:016x}", self.key_prefix),
        }
    }
}

impl<C> HealthIndicator for RedisIndicator<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        config::validated(self)?;
        let budget = Budget::start(self.timeout);
        if let Some(cluster) = &self.cluster {
            return self.check_cluster(cluster, &budget).await;
        }
        self.finish_pending(&budget).await?;
        let sent_at = Instant::now();
        self.ping(&budget).await?;
        let observation = budget::answered_after(sent_at.elapsed());
        if let Some(expected) = &self.primary {
            self.expects_primary(&budget, expected).await?;
        }
        if self.round_trip.is_none() {
            return Ok(observation);
        }
        let sent_at = Instant::now();
        self.write_and_read(&budget).await?;
        let time = budget::milliseconds(sent_at.elapsed());
        Ok(observation.measurement("roundTrip", time, "ms"))
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }

    fn ttl(&self) -> Option<Duration> {
        Some(budget::TTL)
    }

    fn config_error(&self) -> Option<String> {
        let cluster = self.cluster.as_ref()?;
        config::join(cluster.config_error(&self.key_prefix))
    }

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::Datastore)
    }

    fn component_id(&self) -> Option<String> {
        self.address.clone()
    }
}

/// Without the connection, whose `Debug` may show credentials.
impl<C> fmt::Debug for RedisIndicator<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisIndicator")
            .field("name", &self.name)
            .field("address", &self.address)
            .field("timeout", &self.timeout)
            .field("round_trip", &self.round_trip.is_some())
            .field("expect_primary", &self.primary.is_some())
            .field("cluster", &self.cluster.is_some())
            .finish_non_exhaustive()
    }
}
