//! One run: a query on a connection of the pool, or outside the pool if that gives none.

use sqlx::pool::PoolConnection;
use sqlx::{ConnectOptions, Connection, Error};
use tokio::time::Instant;

use super::backend::Backend;
use super::connection_guard::{ConnectionGuard, OnDrop};
use super::{SqlxDatabase, SqlxIndicator};
use crate::indicators::shared::budget::{self, Budget};
use crate::indicators::shared::database::{self, DatabaseState, QueryOptions};
use crate::indicators::shared::pool::PoolState;
use crate::{CheckResult, Failure};

impl<DB: SqlxDatabase> SqlxIndicator<DB> {
    pub(super) async fn run(&self) -> CheckResult {
        let budget = Budget::start(self.timeout);
        // Before the run takes a connection itself.
        let pool = self.pool_state();
        let address = self.address();
        let options = self.pool.connect_options();
        let step = format!("{address}: its file system does not answer");
        budget
            .within(step, DB::check_storage(&self.storage, &options))
            .await?
            .map_err(|fault| Failure::new(format!("{address}: {fault}")))?;
        let share = self.timeout / 20 * 9;
        if DB::is_lost_when_closed(&self.storage, &options) {
            // Skips the ping, because sqlx closes a connection whose ping is aborted.
            if let Some(connection) = self.pool.try_acquire() {
                return self
                    .check_connection(&budget, self.guard(connection), pool)
                    .await;
            }
        }
        match budget.within_share(share, "", self.pool.acquire()).await {
            Ok(Ok(connection)) => {
                self.check_connection(&budget, self.guard(connection), pool)
                    .await
            }
            Err(_) | Ok(Err(Error::PoolTimedOut)) => self.check_outside_pool(&budget).await,
            Ok(Err(error)) => Err(self.refused(&error)),
        }
    }

    async fn check_connection(
        &self,
        budget: &Budget,
        mut guard: ConnectionGuard<DB>,
        pool: PoolState,
    ) -> CheckResult {
        let options = self.pool.connect_options();
        if DB::is_lost_when_closed(&self.storage, &options) {
            // This connection may have created the file.
            let _ = budget
                .within("", DB::check_storage(&self.storage, &options))
                .await;
        }
        let started_at = Instant::now();
        let Some(connection) = guard.connection() else {
            return Err(Failure::new("the connection was returned to the pool"));
        };
        let state = self.run_query(budget, connection, &self.query).await?;
        let time = started_at.elapsed();
        // The database has answered. A connection that does not return in time is closed.
        let _ = budget.within("", guard.return_to_pool()).await;
        let lag = self.query.judge(state, &self.address())?;
        let observation = pool.readings(budget::answered_after(time));
        Ok(match lag {
            Some(lag) => observation.measurement("replicationLag", lag, "s"),
            None => observation,
        })
    }

    /// Distinguishes an exhausted pool from a database that is down, by a connection outside the
    /// pool. Its error also has the reason, which the pool of sqlx does not report.
    async fn check_outside_pool(&self, budget: &Budget) -> CheckResult {
        let pool = self.pool_state();
        let waited = budget.spent().as_secs_f64();
        let options = self.pool.connect_options();
        let step = format!(
            "{}; {} does not answer a new connection either",
            pool.refusal(),
            self.address()
        );
        let connected = budget.within(step, options.connect()).await?;
        let mut connection = connected.map_err(|error| self.unreachable(&error, pool))?;
        // A proxy such as PgBouncer accepts connections while its server is down.
        let query = self.query.outside_the_pool();
        let state = self.run_query(budget, &mut connection, &query).await?;
        // Optional: the connection has served its purpose.
        let _ = budget.within("", connection.close()).await;
        query.judge(state, &self.address())?;
        match pool.is_exhausted() {
            true => pool.exhausted(waited, self.exhausted_pool),
            false => self.retry_pool(budget, pool, waited).await,
        }
    }

    /// The pool had room and gave no connection. A dead idle connection has been replaced by now.
    /// Any other cause affects the application too.
    async fn retry_pool(&self, budget: &Budget, pool: PoolState, waited: f64) -> CheckResult {
        let hooks = "`after_connect`, `before_acquire`";
        let step = pool.retry_step(waited, &self.address(), hooks);
        match budget.within(step, self.pool.acquire()).await? {
            Ok(connection) => {
                let guard = self.guard(connection);
                let _ = budget.within("", guard.return_to_pool()).await;
                Ok(pool.slow(waited, self.pool_state()))
            }
            Err(error) => Err(self.refused(&error)),
        }
    }

    async fn run_query(
        &self,
        budget: &Budget,
        connection: &mut DB::Connection,
        query: &QueryOptions,
    ) -> Result<DatabaseState, Failure> {
        let address = self.address();
        let step = format!("{address} does not answer a query");
        // Less than the run has, so that the server reports what the statement waited for.
        let patience = budget.left() / 4 * 3;
        let queried = DB::query(connection, query, patience);
        budget.within(step, queried).await?.map_err(|error| {
            let text = describe::<DB>(&error);
            Failure::new(match error {
                Error::Database(_) => format!("{address} answers a query with: {text}"),
                _ => format!("{address} broke off a query: {text}"),
            })
        })
    }

    fn guard(&self, connection: PoolConnection<DB>) -> ConnectionGuard<DB> {
        let options = self.pool.connect_options();
        let on_drop = match DB::is_lost_when_closed(&self.storage, &options) {
            true => OnDrop::Return,
            false => OnDrop::Close,
        };
        ConnectionGuard::new(connection, on_drop)
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

    /// The failure of the pool itself.
    fn refused(&self, error: &Error) -> Failure {
        match error {
            Error::PoolClosed => Failure::new("the application closed the pool"),
            error => {
                let text = describe::<DB>(error);
                Failure::new(format!("cannot connect to {}: {text}", self.address()))
            }
        }
    }

    fn unreachable(&self, error: &Error, pool: PoolState) -> Failure {
        if !pool.is_exhausted() {
            return self.refused(error);
        }
        let (refusal, address) = (pool.refusal(), self.address());
        let text = describe::<DB>(error);
        Failure::new(format!(
            "{refusal}; cannot connect to {address} either: {text}"
        ))
    }
}

/// Describes an error: the message of the server, its code and what that means.
fn describe<DB: Backend>(error: &Error) -> String {
    let database = match error {
        Error::Database(database) => database,
        // The text that sqlx adds says less.
        Error::Io(error) => return error.to_string(),
        Error::Tls(error) => return format!("TLS: {}", Failure::from(error.to_string())),
        other => return other.to_string(),
    };
    let meaning = DB::meaning(&**database);
    database::describe(database.message(), database.code().as_deref(), meaning)
}
