//! Postgres behind a pool of deadpool.

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
use crate::indicators::IndicatorError;
use crate::indicators::shared::budget::{self, Budget};
use crate::indicators::shared::database::{Asked, Seen};
use crate::indicators::shared::pool::{ExhaustedPool, PoolState};
use crate::{CheckResult, ComponentType, Failure, HealthIndicator};

/// Asks Postgres on a connection of the application's own `deadpool-postgres` pool.
///
/// ```
/// use deadpool_postgres::tokio_postgres::{Config, NoTls};
/// use deadpool_postgres::{Manager, Pool};
/// use tower_health::indicators::DeadpoolPostgresIndicator;
///
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let config: Config = "host=db user=app dbname=orders".parse()?;
/// let pool = Pool::builder(Manager::new(config.clone(), NoTls)).build()?;
/// let db = DeadpoolPostgresIndicator::new("db", pool.clone(), &config, NoTls)?.read_write();
/// let builder = tower_health::Health::builder().readiness(db);
/// # let _ = builder;
/// # Ok(())
/// # }
/// # run().unwrap();
/// ```
///
/// A run takes a connection from the pool, sends `SELECT 1` and gives the connection back. A run
/// that fails, or is aborted, closes its connection, for there may be an answer under way.
///
/// # When the pool gives none
///
/// The application may hold all connections, or the database may be down. After 45 % of its
/// timeout the run therefore asks on a connection of its own. If there is no answer the check fails
/// with the reason. If there is, the database is well, and:
///
/// - a pool whose connections are all in use [warns](ExhaustedPool);
/// - a pool that has a place is asked once more. It warns if it now gives a connection, as after an
///   idle one that was dead, and fails if it does not, as when a hook hangs each time: the
///   application gets none either.
///
/// deadpool waits without a limit unless told otherwise: the application should set the `wait`,
/// `create` and `recycle` timeouts of its pool. Its default
/// [recycling method](deadpool_postgres::RecyclingMethod) does not notice a frozen connection.
///
/// # Defaults
///
/// Timeout 2 s, TTL 5 s, critical, `componentType` datastore. Readings: `responseTime` in `ms`,
/// `connections` (open) and `idleConnections` (idle), and `utilization`, the share of the allowed
/// connections that the application has in use, in `percent`.
///
/// The timeout should be set [here](Self::timeout) rather than at the [`Check`](crate::Check): a
/// run divides its time so that the failure says what had no answer.
#[must_use = "an indicator does nothing until it is registered"]
pub struct DeadpoolPostgresIndicator {
    name: String,
    pool: Pool,
    /// Makes connections as the pool does. They never return to it.
    beside: Pool,
    place: String,
    timeout: Duration,
    asked: Asked,
    exhausted_pool: ExhaustedPool,
}

impl DeadpoolPostgresIndicator {
    /// Looks at the database behind this pool.
    ///
    /// `config` and `tls` are those that the pool's manager was made with: it shows neither, and
    /// the connection beside the pool and the texts of failures need them.
    ///
    /// # Errors
    ///
    /// When `config` names no host.
    pub fn new<T>(
        name: impl Into<String>,
        pool: Pool,
        config: &Config,
        tls: T,
    ) -> Result<Self, IndicatorError>
    where
        T: MakeTlsConnect<Socket> + Clone + Sync + Send + 'static,
        T::Stream: Sync + Send,
        T::TlsConnect: Sync + Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let name = name.into();
        let Some(place) = message::place(config) else {
            return Err(IndicatorError::new(&name, "config", "names no host"));
        };
        let manager = Manager::new(config.clone(), tls);
        let beside = Pool::builder(manager).max_size(1).build();
        let beside =
            beside.map_err(|error| IndicatorError::new(&name, "config", error.to_string()))?;
        Ok(Self {
            name,
            pool,
            beside,
            place,
            timeout: budget::TIMEOUT,
            asked: Asked::default(),
            exhausted_pool: ExhaustedPool::default(),
        })
    }

    /// How long a run may take; by default 2 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What an exhausted pool means while the database answers; by default it warns.
    pub fn exhausted_pool(mut self, means: ExhaustedPool) -> Self {
        self.exhausted_pool = means;
        self
    }

    /// Fails, too, when the database takes no writes: when it is in recovery or its transactions
    /// are read-only.
    ///
    /// This does not find a full disk: for that, give a
    /// [`write_statement`](Self::write_statement).
    pub fn read_write(mut self) -> Self {
        self.asked.read_write = true;
        self
    }

    /// Runs this statement of yours each time, and fails when it does.
    ///
    /// The only way to know that a write would succeed is to write:
    /// `UPDATE health SET seen = now()` on a table with one row, for instance. It should touch
    /// little. When it meets a lock it fails before the run is out of time, and the server gives it
    /// up, by `lock_timeout` and `statement_timeout`, set for the statement alone: it is part of a
    /// transaction.
    pub fn write_statement(mut self, statement: impl Into<String>) -> Self {
        self.asked.write_statement = Some(statement.into());
        self
    }

    /// Fails, too, when a standby is behind its primary by more than this.
    ///
    /// That is the age of the last transaction that it replayed, or nothing while it streams and
    /// has replayed all that it received. Reading: `replicationLag`, in `s`.
    pub fn max_lag(mut self, max_lag: Duration) -> Self {
        self.asked.max_lag = Some(max_lag);
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

    async fn ask(&self, budget: &Budget, guard: ConnectionGuard) -> CheckResult {
        let asked_at = Instant::now();
        let seen = self.look(budget, &guard, &self.asked).await?;
        let time = asked_at.elapsed();
        guard.give_back();
        let lag = self.asked.judge(seen, &self.place)?;
        let observation = self.pool_state().readings(budget::answered_after(time));
        Ok(match lag {
            Some(lag) => observation.measurement("replicationLag", lag, "s"),
            None => observation,
        })
    }

    async fn look(
        &self,
        budget: &Budget,
        guard: &ConnectionGuard,
        asked: &Asked,
    ) -> Result<Seen, Failure> {
        let place = &self.place;
        let step = format!("{place} does not answer a query");
        let Some(client) = guard.client() else {
            return Err(Failure::new("the connection was given back"));
        };
        // So that the server says what it waited for before the run is out of time.
        let patience = budget.left() / 4 * 3;
        budget
            .within(step, query::run(client, asked, patience))
            .await?
            .map_err(|error| {
                let text = message::describe(&error);
                Failure::new(match error.as_db_error() {
                    Some(_) => format!("{place} answers a query with: {text}"),
                    None => format!("{place} broke off a query: {text}"),
                })
            })
    }

    /// Tells a pool that is exhausted from a database that is down, by a connection beside the
    /// pool.
    async fn tie_break(&self, budget: &Budget) -> CheckResult {
        let pool = self.pool_state();
        let waited = budget.spent().as_secs_f64();
        let refusal = pool.refusal();
        let step = format!(
            "{refusal}; {} does not answer a new connection either",
            self.place
        );
        let connected = budget.within(step, self.beside.get()).await?;
        let connection = connected.map_err(|error| self.unreachable(&error))?;
        // Closed when it is dropped, for the next tie-break has to connect as well.
        let guard = ConnectionGuard::new(connection);
        // A proxy such as PgBouncer greets in the name of a server that is down.
        let asked = self.asked.beside_the_pool();
        let seen = self.look(budget, &guard, &asked).await?;
        asked.judge(seen, &self.place)?;
        match pool.is_exhausted() {
            true => pool.exhausted(waited, self.exhausted_pool),
            false => self.second_try(budget, pool, waited).await,
        }
    }

    /// The pool had a place, and gave no connection. An idle one that does not answer is gone by
    /// now, and another takes its place; whatever else holds it up holds up the application too.
    async fn second_try(&self, budget: &Budget, pool: PoolState, waited: f64) -> CheckResult {
        let step = pool.second_try(waited, &self.place, "`post_create`, `pre_recycle`");
        match budget.within(step, self.pool.get()).await? {
            Ok(connection) => {
                ConnectionGuard::new(connection).give_back();
                Ok(pool.gave_late(waited, self.pool_state()))
            }
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    fn unreachable(&self, error: &PoolError) -> Failure {
        let text = message::describe_pool(error);
        Failure::new(format!("cannot connect to {}: {text}", self.place))
    }
}

impl HealthIndicator for DeadpoolPostgresIndicator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        let budget = Budget::start(self.timeout);
        let share = self.timeout / 20 * 9;
        match budget.within_share(share, "", self.pool.get()).await {
            Ok(Ok(connection)) => self.ask(&budget, ConnectionGuard::new(connection)).await,
            Err(_) | Ok(Err(PoolError::Timeout(TimeoutType::Wait))) => {
                self.tie_break(&budget).await
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

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::Datastore)
    }
}

/// Without the pool, which prints the settings of its connections.
impl fmt::Debug for DeadpoolPostgresIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadpoolPostgresIndicator")
            .field("name", &self.name)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
