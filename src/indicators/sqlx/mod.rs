//! A database behind a pool of sqlx.

mod backend;
mod lease;
#[cfg(feature = "sqlx-mysql")]
mod mysql;
#[cfg(feature = "sqlx-postgres")]
mod postgres;
#[cfg(feature = "sqlx-sqlite")]
mod sqlite;

use std::fmt;
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, Error, Pool};
use tokio::time::Instant;

use self::backend::{Asked, Backend, Seen};
use self::lease::Lease;
use super::budget::{self, Budget};
use super::pool::{ExhaustedPool, PoolState};
use crate::{CheckResult, ComponentType, Failure, HealthIndicator};

/// A database of sqlx that can be looked at: `Postgres`, `MySql` and `Sqlite`, each behind its
/// feature.
pub trait SqlxDatabase: Backend {}

impl<DB: Backend> SqlxDatabase for DB {}

/// Asks a database on a connection of the application's own sqlx pool.
///
/// ```no_run
/// use sqlx::PgPool;
/// use tower_health::Health;
/// use tower_health::indicators::SqlxIndicator;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = PgPool::connect_lazy("postgres://app@db/orders")?;
/// let health = Health::builder()
///     .readiness(SqlxIndicator::new("db", pool.clone()).read_write())
///     .start()?;
/// # Ok(())
/// # }
/// ```
///
/// A run takes a connection from the pool, sends `SELECT 1` (SQLite: reads the header of the file)
/// and gives the connection back; sqlx adds a ping before and after, unless told otherwise. A run
/// that fails, or is aborted, closes its connection, for there may be an answer under way.
///
/// # When the pool gives none
///
/// The application may hold all connections, or the database may be down: sqlx says
/// "pool timed out" to both. After 45 % of its timeout the run therefore tries a connection of its
/// own, with the options of the pool. If that succeeds the database is well and the check
/// [warns](ExhaustedPool) of the pool; if not, it fails with the reason.
///
/// # Defaults
///
/// Timeout 2 s, TTL 5 s, critical, `componentType` datastore. Readings: `responseTime` in `ms`,
/// `connections` (open) and `idleConnections` (idle), and `utilization`, the share of the allowed
/// connections that the application had in use when the run began, in `percent`.
///
/// The timeout should be set [here](Self::timeout) rather than at the [`Check`](crate::Check): a
/// run divides its time so that the failure says what had no answer.
#[must_use = "an indicator does nothing until it is registered"]
pub struct SqlxIndicator<DB: SqlxDatabase> {
    name: String,
    pool: Pool<DB>,
    timeout: Duration,
    asked: Asked,
    exhausted_pool: ExhaustedPool,
}

impl<DB: SqlxDatabase> SqlxIndicator<DB> {
    /// Looks at the database behind this pool.
    pub fn new(name: impl Into<String>, pool: Pool<DB>) -> Self {
        Self {
            name: name.into(),
            pool,
            timeout: budget::TIMEOUT,
            asked: Asked::default(),
            exhausted_pool: ExhaustedPool::default(),
        }
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

    /// Fails, too, when the database takes no writes.
    ///
    /// Postgres is asked whether it is in recovery or its transactions are read-only, MySQL and
    /// MariaDB for `read_only` and `innodb_read_only`. SQLite begins to write the version number
    /// that its file has, and rolls back. None of this finds a full disk of a server: for that,
    /// give a [`write_statement`](Self::write_statement).
    pub fn read_write(mut self) -> Self {
        self.asked.read_write = true;
        self
    }

    /// Runs this statement of yours each time, and fails when it does.
    ///
    /// The only way to know that a write would succeed is to write:
    /// `UPDATE health SET seen = now()` on a table with one row, for instance. It should touch
    /// little, and must not wait for locks of the application.
    pub fn write_statement(mut self, statement: impl Into<String>) -> Self {
        self.asked.write_statement = Some(statement.into());
        self
    }

    fn pool_state(&self) -> PoolState {
        PoolState {
            open: self.pool.size().try_into().unwrap_or(usize::MAX),
            idle: self.pool.num_idle(),
            most: self
                .pool
                .options()
                .get_max_connections()
                .try_into()
                .unwrap_or(usize::MAX),
        }
    }

    fn place(&self) -> String {
        DB::place(&self.pool.connect_options())
    }

    async fn ask(&self, budget: &Budget, mut lease: Lease<DB>, pool: PoolState) -> CheckResult {
        if let Err(fault) = DB::look_outside(&self.pool.connect_options()).await {
            // A new connection might make what is missing anew, and empty.
            lease.give_back();
            return Err(Failure::new(format!("{}: {fault}", self.place())));
        }
        let started_at = Instant::now();
        let step = format!("{} does not answer a query", self.place());
        let Some(connection) = lease.connection() else {
            return Err(Failure::new("the connection was given back"));
        };
        let looked = DB::look(connection, &self.asked);
        let seen = budget.within(step, looked).await?.map_err(|error| {
            let text = describe::<DB>(&error);
            Failure::new(format!("{} answers a query with: {text}", self.place()))
        })?;
        let time = started_at.elapsed();
        lease.give_back();
        self.judge(&seen)?;
        let mut observation = pool.readings(budget::answered_after(time));
        if let Some(lag) = seen.lag {
            observation = observation.measurement("replicationLag", lag, "s");
        }
        Ok(observation)
    }

    fn judge(&self, seen: &Seen) -> Result<(), Failure> {
        if let Some(reason) = seen.read_only {
            let text = format!("{} takes no writes: {reason}", self.place());
            return Err(Failure::new(text));
        }
        match (seen.lag, self.asked.max_lag) {
            (Some(lag), Some(most)) if lag > most.as_secs_f64() => {
                let place = self.place();
                let most = most.as_secs_f64();
                let text =
                    format!("{place} is {lag:.1} s behind its primary, allowed are {most} s");
                Err(Failure::new(text).measurement("replicationLag", lag, "s"))
            }
            _ => Ok(()),
        }
    }

    /// Tells a pool that is exhausted from a database that is down, by a connection beside the
    /// pool. sqlx keeps to itself why it could not connect: this one says it.
    async fn tie_break(&self, budget: &Budget) -> CheckResult {
        let pool = self.pool_state();
        let waited = budget.spent().as_secs_f64();
        let options = self.pool.connect_options();
        let step = format!(
            "{}; {} does not answer a new connection either",
            pool.refusal(),
            self.place()
        );
        match budget.within(step, options.connect()).await? {
            Ok(connection) => {
                // A farewell that nobody has to wait for.
                let _ = budget.within("", connection.close()).await;
                pool.exhausted(waited, self.exhausted_pool)
            }
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    fn unreachable(&self, error: &Error) -> Failure {
        let text = describe::<DB>(error);
        Failure::new(format!("cannot connect to {}: {text}", self.place()))
    }
}

#[cfg(feature = "sqlx-postgres")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlx-postgres")))]
impl SqlxIndicator<sqlx::Postgres> {
    /// Fails, too, when a standby is behind its primary by more than this.
    ///
    /// That is the age of the last transaction that it replayed, or nothing while it streams and
    /// has replayed all that it received. Reading: `replicationLag`, in `s`.
    pub fn max_lag(mut self, max_lag: Duration) -> Self {
        self.asked.max_lag = Some(max_lag);
        self
    }
}

impl<DB: SqlxDatabase> HealthIndicator for SqlxIndicator<DB> {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        let budget = Budget::start(self.timeout);
        // Before it takes a connection itself.
        let pool = self.pool_state();
        let share = self.timeout / 20 * 9;
        match budget.within_share(share, "", self.pool.acquire()).await {
            Ok(Ok(connection)) => self.ask(&budget, Lease::new(connection), pool).await,
            Err(_) | Ok(Err(Error::PoolTimedOut)) => self.tie_break(&budget).await,
            Ok(Err(Error::PoolClosed)) => Err(Failure::new("the application closed the pool")),
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

/// The words of the server, its code, and what they mean.
fn describe<DB: Backend>(error: &Error) -> String {
    let database = match error {
        Error::Database(database) => database,
        // What sqlx says around it says less.
        Error::Io(error) => return error.to_string(),
        Error::Tls(error) => return format!("TLS: {}", Failure::from(error.to_string())),
        other => return other.to_string(),
    };
    let message = database.message();
    match database.code() {
        Some(code) => match DB::meaning(&**database) {
            Some(meaning) => format!("{message} ({code}: {meaning})"),
            None => format!("{message} ({code})"),
        },
        None => message.to_owned(),
    }
}

impl<DB: SqlxDatabase> fmt::Debug for SqlxIndicator<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlxIndicator")
            .field("name", &self.name)
            .field("place", &self.place())
            .finish_non_exhaustive()
    }
}
