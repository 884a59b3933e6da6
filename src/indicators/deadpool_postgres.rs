//! A Postgres behind a pool of deadpool.

use std::fmt;
use std::time::Duration;

use deadpool::managed::Manager;
use deadpool_postgres::tokio_postgres::{Error, SimpleQueryMessage};
use deadpool_postgres::{ClientWrapper, Object, Pool, PoolError};
use tokio::time::Instant;

use super::budget::{self, Budget};
use super::pool::{ExhaustedPool, PoolState};
use super::sqlstate;
use crate::{CheckResult, ComponentType, Failure, HealthIndicator};

/// Asks a Postgres on a connection of the application's own deadpool pool.
///
/// ```no_run
/// use deadpool_postgres::{Config, Runtime, tokio_postgres::NoTls};
/// use tower_health::Health;
/// use tower_health::indicators::DeadpoolPostgresIndicator;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let mut config = Config::new();
/// config.host = Some("db.internal".into());
/// let pool = config.create_pool(Some(Runtime::Tokio1), NoTls)?;
/// let db = DeadpoolPostgresIndicator::new("db", pool.clone()).place("db.internal:5432/orders");
/// let health = Health::builder().readiness(db).start()?;
/// # Ok(())
/// # }
/// ```
///
/// A run takes a connection from the pool, sends `SELECT 1` and gives the connection back. A run
/// that fails, or is aborted, takes its connection out of the pool and closes it, for there may be
/// an answer under way.
///
/// # When the pool gives none
///
/// The application may hold all connections, or the database may be down. After 45 % of its timeout
/// the run therefore makes a connection of its own, as the manager of the pool makes them. If that
/// succeeds the database is well and the check [warns](ExhaustedPool) of the pool; if not, it fails
/// with the reason.
///
/// # Defaults
///
/// Timeout 2 s, TTL 5 s, critical, `componentType` datastore. Readings: `responseTime` in `ms`,
/// `connections` (open) and `idleConnections` (idle), and `utilization`, the share of the allowed
/// connections that are in use, in `percent`.
///
/// The timeout should be set [here](Self::timeout) rather than at the [`Check`](crate::Check): a
/// run divides its time so that the failure says what had no answer.
#[must_use = "an indicator does nothing until it is registered"]
pub struct DeadpoolPostgresIndicator {
    name: String,
    pool: Pool,
    place: String,
    timeout: Duration,
    read_write: bool,
    exhausted_pool: ExhaustedPool,
}

impl DeadpoolPostgresIndicator {
    /// Looks at the database behind this pool.
    pub fn new(name: impl Into<String>, pool: Pool) -> Self {
        Self {
            name: name.into(),
            pool,
            place: "the database".to_owned(),
            timeout: budget::TIMEOUT,
            read_write: false,
            exhausted_pool: ExhaustedPool::default(),
        }
    }

    /// What failures call the database, such as `db.internal:5432/orders`: a pool does not tell
    /// where it leads. By default "the database".
    pub fn place(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
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

    /// Fails, too, while the server is in recovery or its transactions are read-only.
    pub fn read_write(mut self) -> Self {
        self.read_write = true;
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

    async fn ask(&self, budget: &Budget, lease: Lease) -> CheckResult {
        let started_at = Instant::now();
        let step = format!("{} does not answer a query", self.place);
        let answer = budget.within(step, self.look(&lease)).await?;
        let read_only = answer.map_err(|error| {
            let text = describe(error);
            Failure::new(format!("{} answers a query with: {text}", self.place))
        })?;
        let time = started_at.elapsed();
        lease.give_back();
        if let Some(reason) = read_only {
            let text = format!("{} takes no writes: {reason}", self.place);
            return Err(Failure::new(text));
        }
        Ok(self.pool_state().readings(budget::answered_after(time)))
    }

    /// Why it takes no writes; `Some` if it does not and that matters.
    async fn look(&self, lease: &Lease) -> Result<Option<&'static str>, Error> {
        let Some(client) = &lease.0 else {
            return Ok(None);
        };
        if !self.read_write {
            client.simple_query("SELECT 1").await?;
            return Ok(None);
        }
        let question = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')";
        let rows = client.simple_query(question).await?;
        let row = rows.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some((row.get(0), row.get(1))),
            _ => None,
        });
        Ok(match row {
            Some((Some("t"), _)) => Some("it is a standby, in recovery"),
            Some((_, Some("on"))) => Some("its transactions are read-only"),
            _ => None,
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
        let manager = self.pool.manager();
        let mut connection: ClientWrapper = budget
            .within(step, Manager::create(manager))
            .await?
            .map_err(|error| self.unreachable(error))?;
        // The manager remembers each connection that it makes.
        Manager::detach(manager, &mut connection);
        pool.exhausted(waited, self.exhausted_pool)
    }

    fn unreachable(&self, error: Error) -> Failure {
        let text = describe(error);
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
            Ok(Ok(client)) => self.ask(&budget, Lease(Some(client))).await,
            Err(_) | Ok(Err(PoolError::Timeout(_))) => self.tie_break(&budget).await,
            Ok(Err(PoolError::Closed)) => Err(Failure::new("the application closed the pool")),
            Ok(Err(PoolError::Backend(error))) => Err(self.unreachable(error)),
            Ok(Err(error)) => Err(error.into()),
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

/// A connection on loan, which is closed on drop unless it was given back.
///
/// A pool that recycles fast would hand it to the application with a question open on it.
struct Lease(Option<Object>);

impl Lease {
    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}

fn describe(error: Error) -> String {
    match error.as_db_error() {
        Some(error) => {
            let code = error.code().code();
            sqlstate::described(error.message(), code, sqlstate::meaning(code))
        }
        // Its own text tells only at which step it came.
        None => Failure::from(error).output().to_owned(),
    }
}

impl fmt::Debug for DeadpoolPostgresIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadpoolPostgresIndicator")
            .field("name", &self.name)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
