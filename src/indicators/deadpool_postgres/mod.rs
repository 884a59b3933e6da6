//! Postgres behind a pool of deadpool-postgres.

mod connection_guard;
mod message;
mod query;

use std::fmt;
use std::time::Duration;

use deadpool_postgres::tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use deadpool_postgres::tokio_postgres::{Config, Socket};
use deadpool_postgres::{Manager, Pool, PoolError, TimeoutType};
use tokio::time::Instant;

use self::connection_guard::ConnectionGuard;
use crate::indicators::shared::budget::{self, Budget};
use crate::indicators::shared::config;
use crate::indicators::shared::database::{DatabaseState, QueryOptions};
use crate::indicators::shared::pool::{ExhaustedPool, PoolState};
use crate::{CheckResult, ComponentType, Failure, HealthIndicator};

/// Checks a Postgres database on a connection of the application's own `deadpool-postgres` 0.14
/// pool.
///
/// ```
/// use deadpool_postgres::tokio_postgres::{Config, NoTls};
/// use deadpool_postgres::{Manager, Pool};
/// use tower_health::indicators::DeadpoolPostgresIndicator;
///
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let config: Config = "host=db user=app dbname=orders".parse()?;
/// let pool = Pool::builder(Manager::new(config.clone(), NoTls)).build()?;
/// let db = DeadpoolPostgresIndicator::new("db", pool.clone(), &config, NoTls).read_write();
/// let builder = tower_health::Health::builder().readiness(db);
/// # let _ = builder;
/// # Ok(())
/// # }
/// # run().unwrap();
/// ```
///
/// A run takes a connection from the pool, sends `SELECT 1` and returns the connection. A run that
/// fails or is aborted closes its connection, because an answer may still be pending.
///
/// # When the pool gives no connection
///
/// Either the application holds all connections, or the database is down. To tell these apart, the
/// run opens a connection of its own after 45 % of its timeout. If that gets no answer, the check
/// fails with the reason. If it does, the database works, and:
///
/// - a pool whose connections are all in use [warns](ExhaustedPool);
/// - a pool with room gets a second attempt. If it now gives a connection, the check warns: an idle
///   connection may have been dead. If it does not, the check fails, because the application gets no
///   connection either: a hook may hang.
///
/// By default deadpool waits without a limit: set the `wait`, `create` and `recycle` timeouts of the
/// pool. Its default [recycling method](deadpool_postgres::RecyclingMethod) does not notice a frozen
/// connection.
///
/// # Defaults
///
/// Timeout 2 s, TTL 5 s, critical, `componentType` datastore. Readings: `responseTime` in `ms`,
/// `connections` (open) and `idleConnections` (idle), and `utilization`, the share of the allowed
/// connections that the application has in use, in `percent`.
///
/// Set the timeout [here](Self::timeout) rather than on the [`Check`](crate::Check): a run divides
/// its time among its steps, so that the failure names the step that got no answer.
#[must_use = "an indicator does nothing until it is registered"]
pub struct DeadpoolPostgresIndicator {
    name: String,
    pool: Pool,
    /// Opens connections as the pool does, which never return to it.
    ///
    /// `Err` holds the configuration error.
    direct: Result<Pool, String>,
    address: String,
    timeout: Duration,
    query: QueryOptions,
    exhausted_pool: ExhaustedPool,
}

impl DeadpoolPostgresIndicator {
    /// Creates an indicator for the database behind this pool.
    ///
    /// `config` and `tls` are those of the pool's manager, which does not expose them. The connection
    /// outside the pool and the texts of failures need them. `start()` reports a `config` without a
    /// host.
    pub fn new<T>(name: impl Into<String>, pool: Pool, config: &Config, tls: T) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Sync + Send + 'static,
        T::Stream: Sync + Send,
        T::TlsConnect: Sync + Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let address = message::address(config);
        let direct = match address {
            Some(_) => Pool::builder(Manager::new(config.clone(), tls))
                .max_size(1)
                .build()
                .map_err(|error| format!("config cannot be used: {error}")),
            None => Err("config names no host".to_owned()),
        };
        Self {
            name: name.into(),
            pool,
            direct,
            address: address.unwrap_or_default(),
            timeout: budget::TIMEOUT,
            query: QueryOptions::default(),
            exhausted_pool: ExhaustedPool::default(),
        }
    }

    /// Sets how long a run may take. Default: 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets whether an exhausted pool warns or fails while the database answers. Default: it warns.
    pub fn exhausted_pool(mut self, exhausted_pool: ExhaustedPool) -> Self {
        self.exhausted_pool = exhausted_pool;
        self
    }

    /// Also fails when the database accepts no writes: while it is in recovery or its transactions
    /// are read-only.
    ///
    /// This does not detect a full disk: use a [`write_statement`](Self::write_statement) for that.
    pub fn read_write(mut self) -> Self {
        self.query.read_write = true;
        self
    }

    /// Also runs this statement, and fails if it fails.
    ///
    /// Only a write can show that writes succeed: for instance `UPDATE health SET seen = now()` on a
    /// table with one row. Keep it small. The statement runs in a transaction with a `lock_timeout`
    /// and a `statement_timeout`, so that a statement that waits for a lock fails, and ends on the
    /// server, before the run times out.
    pub fn write_statement(mut self, statement: impl Into<String>) -> Self {
        self.query.write_statement = Some(statement.into());
        self
    }

    /// Also fails while a standby is behind its primary by more than this.
    ///
    /// The lag is the age of the last replayed transaction, or zero while the standby streams and
    /// has replayed everything it received. Reading: `replicationLag`, in `s`.
    pub fn max_lag(mut self, max_lag: Duration) -> Self {
        self.query.max_lag = Some(max_lag);
        self
    }

    fn pool_state(&self) -> PoolState {
        let status = self.pool.status();
        PoolState {
            open: status.size,
            idle: status.available,
            most: status.max_size,
        }
    }

    async fn check_connection(&self, budget: &Budget, guard: ConnectionGuard) -> CheckResult {
        let started_at = Instant::now();
        let state = self.run_query(budget, &guard, &self.query).await?;
        let time = started_at.elapsed();
        guard.return_to_pool();
        let lag = self.query.judge(state, &self.address)?;
        let observation = self.pool_state().readings(budget::answered_after(time));
        Ok(match lag {
            Some(lag) => observation.measurement("replicationLag", lag, "s"),
            None => observation,
        })
    }

    async fn run_query(
        &self,
        budget: &Budget,
        guard: &ConnectionGuard,
        query: &QueryOptions,
    ) -> Result<DatabaseState, Failure> {
        let address = &self.address;
        let step = format!("{address} does not answer a query");
        let Some(client) = guard.client() else {
            return Err(Failure::new("the connection was returned to the pool"));
        };
        // Less than the run has, so that the server reports what the statement waited for.
        let patience = budget.left() / 4 * 3;
        budget
            .within(step, query::run(client, query, patience))
            .await?
            .map_err(|error| {
                let text = message::describe(&error);
                Failure::new(match error.as_db_error() {
                    Some(_) => format!("{address} answers a query with: {text}"),
                    None => format!("{address} broke off a query: {text}"),
                })
            })
    }

    /// Distinguishes an exhausted pool from a database that is down, by a connection outside the
    /// pool.
    async fn check_outside_pool(&self, budget: &Budget, direct: &Pool) -> CheckResult {
        let pool = self.pool_state();
        let waited = budget.spent().as_secs_f64();
        let refusal = pool.refusal();
        let step = format!(
            "{refusal}; {} does not answer a new connection either",
            self.address
        );
        let connected = budget.within(step, direct.get()).await?;
        let connection = connected.map_err(|error| self.unreachable(&error))?;
        // The guard closes it on drop, because the next run must connect anew.
        let guard = ConnectionGuard::new(connection);
        // A proxy such as PgBouncer accepts connections while its server is down.
        let query = self.query.outside_the_pool();
        let state = self.run_query(budget, &guard, &query).await?;
        query.judge(state, &self.address)?;
        match pool.is_exhausted() {
            true => pool.exhausted(waited, self.exhausted_pool),
            false => self.retry_pool(budget, pool, waited).await,
        }
    }

    /// The pool had room and gave no connection. A dead idle connection has been replaced by now.
    /// Any other cause affects the application too.
    async fn retry_pool(&self, budget: &Budget, pool: PoolState, waited: f64) -> CheckResult {
        let step = pool.retry_step(waited, &self.address, "`post_create`, `pre_recycle`");
        match budget.within(step, self.pool.get()).await? {
            Ok(connection) => {
                ConnectionGuard::new(connection).return_to_pool();
                Ok(pool.slow(waited, self.pool_state()))
            }
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    fn unreachable(&self, error: &PoolError) -> Failure {
        let text = message::describe_pool(error);
        Failure::new(format!("cannot connect to {}: {text}", self.address))
    }
}

impl HealthIndicator for DeadpoolPostgresIndicator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        let direct = config::parsed(&self.direct)?;
        let budget = Budget::start(self.timeout);
        let share = self.timeout / 20 * 9;
        match budget.within_share(share, "", self.pool.get()).await {
            Ok(Ok(connection)) => {
                self.check_connection(&budget, ConnectionGuard::new(connection))
                    .await
            }
            Err(_) | Ok(Err(PoolError::Timeout(TimeoutType::Wait))) => {
                self.check_outside_pool(&budget, direct).await
            }
            Ok(Err(PoolError::Closed)) => Err(Failure::new("the application closed the pool")),
            Ok(Err(error)) => Err(self.unreachable(&error)),
        }
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }

    fn ttl(&self) -> Option<Duration> {
        Some(budget::TTL)
    }

    fn config_error(&self) -> Option<String> {
        self.direct.as_ref().err().cloned()
    }

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::Datastore)
    }
}

/// Without the pool, whose `Debug` shows the settings of its connections.
impl fmt::Debug for DeadpoolPostgresIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadpoolPostgresIndicator")
            .field("name", &self.name)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
