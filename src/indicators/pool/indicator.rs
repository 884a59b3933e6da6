//! The indicator for any pool, and its settings.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::database::{DatabasePool, DatabaseQueries, DatabaseState, QuerySettings};
use super::memory::Memory;
use super::{ConnectionPool, ReplicatedPool};
use crate::indicators::shared::{budget, config};
use crate::{CheckResult, ComponentType, HealthIndicator};

/// The default timeout behind a pooler, where a request waits for a free connection of the server.
const TIMEOUT_BEHIND_POOLER: Duration = Duration::from_secs(15);

/// The default of [`PoolIndicator::beside_interval`].
const BESIDE_INTERVAL: Duration = Duration::from_secs(15);

/// The default of [`PoolIndicator::full_grace`].
const FULL_GRACE: Duration = Duration::from_secs(10 * 60);

/// Decides whether an exhausted pool warns or fails while the database itself answers.
///
/// A pool is exhausted while the application holds all of its connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExhaustedPool {
    /// The check warns and the instance keeps its traffic, because otherwise fewer instances would
    /// receive the same load. This is the default.
    #[default]
    Warns,
    /// The check fails, so that other instances receive the traffic until a connection is free.
    Fails,
}

/// Checks a server on a connection of the application's own pool, of whichever crate: see
/// [`ConnectionPool`].
///
/// `SqlxIndicator` and the indicators for pools of Postgres work as this one does.
///
/// # What it sends
///
/// A run takes a connection from the pool, sends one request and returns the connection: for 500
/// instances with the default TTL 100 small requests a second, on connections that exist already. A
/// run that fails or is aborted closes its connection, because an answer may still be pending.
///
/// If the pool gives no connection within 45 % of the timeout, or the request has no answer by then,
/// the run opens one connection beside the pool, sends the same request and closes it. While the
/// pool is short of connections, it does so once in [15 s](Self::beside_interval): 500 instances open
/// 34 connections a second on average. If all of their pools run short at once, each looks within one
/// TTL, 100 a second, and again 15 s later.
///
/// # Verdicts
///
/// The check *passes* if a connection of the pool answers. It *warns*, and the instance keeps its
/// traffic, if:
///
/// - the pool is [exhausted](ExhaustedPool), and the server answers a connection beside the pool. A
///   pool that was short of connections and was answered beside within the last 15 s warns without
///   another look;
/// - the pool is exhausted, and the server is silent beside it for the first time. A lost packet
///   delays an answer by a second. The next run looks again at once, and fails if the server is silent
///   again. This holds if the server answered lately: beside the pool or on a connection of it, within
///   two [intervals](Self::beside_interval) and a TTL, 35 s;
/// - the pool is exhausted or cannot grow, because the server accepts no more connections, the
///   application uses those that it has, and one of them answered a run within the last
///   [10 min](Self::full_grace). An instance of which no connection ever answered fails: others, which
///   have connections, do better;
/// - the pool gave its connection so late that the end of the run says nothing about it;
/// - connections of the pool were dead, as after a failover or a restart, and the server answers
///   another one. The run closes each dead connection that it meets, and looks for further ones
///   among those that are idle, at most half of them at a time, with the time that it has left. So
///   the first run after the server accepts connections is ready again, and the pool of an instance
///   without traffic recovers too. A pool without [`take_idle`](ConnectionPool::take_idle) recovers
///   over several runs;
/// - the pool was so slow that a [`write_statement`](Self::write_statement) was not run.
///
/// It *fails*, with the reason, if neither a connection of the pool nor one beside it answers; if
/// the server refuses, for instance because of a wrong password; if the server accepts no more
/// connections, and the pool has none, or one that is silent, or has not answered for 10 min; and if
/// the server answers beside the pool, but the pool, which is not exhausted, gives no connection: a
/// hook of the application may fail or hang.
///
/// A server that falls silent fails the check within one TTL and one timeout, 7 s by default. If the
/// pool is exhausted then, it takes another interval, TTL and timeout, 29 s in all; if that server
/// still refuses connections because it is full, 10 min.
///
/// # What it cannot see
///
/// - Whether the requests of the application succeed, and how long its callers wait for a connection.
/// - Behind a pooler such as PgBouncer: a server that is down looks like one whose
///   connections are all busy. See [`behind_pooler`](Self::behind_pooler).
/// - Whether connections of sqlx that count as in use are such that it only tries to open: while the
///   server is full, an instance that has none warns too, as long as its callers ask for one.
/// - Which server answers, if several share the address.
/// - Between two looks beside a pool that is short of connections: whether the server still answers.
/// - Whether those that hold all connections of an exhausted pool are callers that wait for the
///   database, or for a hook of the application.
///
/// # Defaults
///
/// Timeout 2 s, TTL 5 s, critical, `componentType` datastore. Readings: `responseTime` in `ms`,
/// `connections` (open) and `idleConnections` (idle), and `utilization`, the share of the allowed
/// connections that the application had in use when the run began, in `percent`.
///
/// Set the timeout [here](Self::timeout) rather than on the [`Check`](crate::Check): a run divides
/// its time among its steps, so that the failure names the step that got no answer.
#[must_use = "an indicator does nothing until it is registered"]
pub struct PoolIndicator<P: ConnectionPool> {
    pub(super) name: String,
    pub(crate) pool: P,
    timeout: Option<Duration>,
    pub(super) exhausted_pool: ExhaustedPool,
    pub(super) beside_interval: Duration,
    pub(super) full_grace: Duration,
    pub(super) memory: Memory,
    pub(super) settings: QuerySettings,
    /// Only pools of databases have these.
    pub(super) database: Option<Database<P>>,
}

/// The methods of [`DatabasePool`], for an indicator whose type does not name it.
pub(super) struct Database<P: ConnectionPool> {
    pub(super) query: QueryFn<P>,
    pub(super) write: WriteFn<P>,
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

type QueryFn<P> = for<'a> fn(
    &'a P,
    &'a mut <P as ConnectionPool>::Connection,
    &'a DatabaseQueries,
) -> BoxFuture<'a, Result<DatabaseState, <P as ConnectionPool>::Error>>;

type WriteFn<P> = for<'a> fn(
    &'a P,
    &'a mut <P as ConnectionPool>::Connection,
    &'a str,
    &'a DatabaseQueries,
) -> BoxFuture<'a, Result<(), <P as ConnectionPool>::Error>>;

impl<P: ConnectionPool> PoolIndicator<P> {
    /// Creates an indicator for the server behind this pool.
    pub fn over(name: impl Into<String>, pool: P) -> Self {
        Self {
            name: name.into(),
            pool,
            timeout: None,
            exhausted_pool: ExhaustedPool::default(),
            beside_interval: BESIDE_INTERVAL,
            full_grace: FULL_GRACE,
            memory: Memory::default(),
            settings: QuerySettings::default(),
            database: None,
        }
    }

    /// Sets how long a run may take. Default: 2 s, or 15 s [behind a pooler](Self::behind_pooler).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets whether an exhausted pool warns or fails while the database answers. Default: it warns.
    pub fn exhausted_pool(mut self, exhausted_pool: ExhaustedPool) -> Self {
        self.exhausted_pool = exhausted_pool;
        self
    }

    /// Sets how often at most a run connects beside a pool that stays exhausted. Default: 15 s.
    ///
    /// A longer interval spares the server of a large fleet; a shorter one notices sooner that a
    /// server died while the pool was exhausted. A pool that has just become exhausted is looked
    /// beside at once, whatever the interval.
    pub fn beside_interval(mut self, interval: Duration) -> Self {
        self.beside_interval = interval;
        self
    }

    /// Sets for how long a server that accepts no further connection excuses a pool that gives none,
    /// after a connection of the pool has answered a run. Default: 10 min.
    ///
    /// "All connections are taken" shows that the server listens, and not that it serves those that
    /// it has. But a load that keeps every connection busy must not take the whole fleet out of
    /// traffic, so the default is longer than most peaks. A longer time suits a pool that stays
    /// exhausted for longer, with callers that wait for longer than the [timeout](Self::timeout): no
    /// run gets a connection of it.
    pub fn full_grace(mut self, grace: Duration) -> Self {
        self.full_grace = grace;
        self
    }

    /// For a pool whose connections lead to a pooler, such as PgBouncer, with which it is tested.
    ///
    /// Such a pooler lets each request wait until a connection of the server is free, which says
    /// nothing about the server. With this setting a run has 15 s, of which it waits 13.5 s in all for
    /// its place in that queue, and it sets nothing for the session. Each round trip waits there, so
    /// turn off what the pool itself asks before it gives a connection, such as `test_before_acquire`
    /// of sqlx. Without this setting a request that waits in
    /// the queue for more than 1.8 s fails the check, and the run closes its connection to the
    /// pooler.
    ///
    /// The pooler itself may answer for its server: PgBouncer accepts a connection while its server
    /// is down, and holds the request until `query_wait_timeout`. The check then fails after 13.5 s.
    /// For the same reason "no more connections allowed" does not excuse a pool that gives none: let
    /// the pooler accept more connections than all pools together may open.
    pub fn behind_pooler(mut self) -> Self {
        self.settings.behind_pooler = true;
        self
    }

    pub(super) fn time_of_a_run(&self) -> Duration {
        self.timeout.unwrap_or(match self.settings.behind_pooler {
            true => TIMEOUT_BEHIND_POOLER,
            false => budget::TIMEOUT,
        })
    }
}

/// Settings for databases.
impl<P: DatabasePool> PoolIndicator<P> {
    /// Also fails when the database accepts no writes, as a standby does.
    ///
    /// On Postgres the run queries whether the server is in recovery or its transactions are
    /// read-only, on MySQL and MariaDB `read_only` and `innodb_read_only`. On SQLite it locks the
    /// file for writing, writes the version number that the file already has and rolls back; a lock
    /// that another connection holds for longer than the run makes it fail. None of this detects a
    /// full disk: use a [`write_statement`](Self::write_statement) for that.
    pub fn read_write(mut self) -> Self {
        self.settings.read_write = true;
        self.with_queries()
    }

    /// Also runs this statement, and fails if it fails.
    ///
    /// Only a write can show that writes succeed, and only a statement that needs space can show a
    /// full disk: an `INSERT` and a `DELETE` of old rows rather than an `UPDATE` in place. Keep it
    /// small. It does not run on the connection beside the pool.
    ///
    /// A statement that waits for a lock fails, and ends on the server, before the run times out:
    /// through `lock_timeout` and `statement_timeout` on Postgres, the lock wait timeouts in whole
    /// seconds on MySQL and MariaDB, and the busy timeout of SQLite. Each is set for this statement
    /// only. If less than a fifth of the timeout is left, because the pool was slow, the statement
    /// does not run, and the check warns. On Postgres the statement runs in a transaction. [Behind a
    /// pooler](Self::behind_pooler) a statement of MySQL or MariaDB waits for as long as the server
    /// lets it.
    pub fn write_statement(mut self, statement: impl Into<String>) -> Self {
        self.settings.write_statement = Some(statement.into());
        self.with_queries()
    }

    pub(crate) fn with_queries(mut self) -> Self {
        self.database = Some(Database {
            query: |pool, connection, queries| Box::pin(pool.query(connection, queries)),
            write: |pool, connection, statement, queries| {
                Box::pin(pool.write(connection, statement, queries))
            },
        });
        self
    }
}

/// Settings for databases that have replicas.
impl<P: ReplicatedPool> PoolIndicator<P> {
    /// Also fails while a replica is behind its primary by more than this. Reading:
    /// `replicationLag`, in `s`.
    ///
    /// On Postgres the lag is the age of the last replayed transaction, or zero while the standby
    /// streams and has replayed everything it received. A broken network counts only when Postgres
    /// notices it, after `wal_receiver_timeout`.
    ///
    /// On MySQL and MariaDB it is `Seconds_Behind_Source` (or `_Master`) of `SHOW REPLICA STATUS`,
    /// the highest if there are several, in whole seconds, and a replica that does not replicate
    /// fails. It is zero on a server that is not a replica. The user needs the privilege
    /// `REPLICATION CLIENT`, on MariaDB `REPLICA MONITOR`.
    pub fn max_lag(mut self, max_lag: Duration) -> Self {
        self.settings.max_lag = Some(max_lag);
        self.with_queries()
    }
}

impl<P: ConnectionPool> HealthIndicator for PoolIndicator<P> {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        config::validated(self)?;
        self.run().await
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.time_of_a_run())
    }

    fn ttl(&self) -> Option<Duration> {
        Some(budget::TTL)
    }

    fn config_error(&self) -> Option<String> {
        self.pool.config_error()
    }

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::Datastore)
    }
}

/// Without the pool, whose `Debug` may show the settings of its connections.
impl<P: ConnectionPool> fmt::Debug for PoolIndicator<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolIndicator")
            .field("name", &self.name)
            .field("address", &self.pool.address())
            .finish_non_exhaustive()
    }
}
