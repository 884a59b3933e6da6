//! One run: a question on a connection of the pool, and what tells the pool from the database when
//! there is none.

use sqlx::pool::PoolConnection;
use sqlx::{ConnectOptions, Connection, Error};
use tokio::time::Instant;

use super::backend::Backend;
use super::connection_guard::{ConnectionGuard, OnDrop};
use super::{SqlxDatabase, SqlxIndicator};
use crate::indicators::shared::budget::{self, Budget};
use crate::indicators::shared::database::{Asked, Seen, worded};
use crate::indicators::shared::pool::PoolState;
use crate::{CheckResult, Failure};

impl<DB: SqlxDatabase> SqlxIndicator<DB> {
    pub(super) async fn run(&self) -> CheckResult {
        let budget = Budget::start(self.timeout);
        // Before it takes a connection itself.
        let pool = self.pool_state();
        let place = self.place();
        let options = self.pool.connect_options();
        let step = format!("{place}: its file system does not answer");
        budget
            .within(step, DB::look_outside(&self.outside, &options))
            .await?
            .map_err(|fault| Failure::new(format!("{place}: {fault}")))?;
        let share = self.timeout / 20 * 9;
        if DB::is_lost_when_closed(&self.outside, &options) {
            // Without a ping: sqlx closes the connection if it is aborted within that.
            if let Some(connection) = self.pool.try_acquire() {
                return self.ask(&budget, self.guard(connection), pool).await;
            }
        }
        match budget.within_share(share, "", self.pool.acquire()).await {
            Ok(Ok(connection)) => self.ask(&budget, self.guard(connection), pool).await,
            Err(_) | Ok(Err(Error::PoolTimedOut)) => self.tie_break(&budget).await,
            Ok(Err(error)) => Err(self.refused(&error)),
        }
    }

    async fn ask(
        &self,
        budget: &Budget,
        mut guard: ConnectionGuard<DB>,
        pool: PoolState,
    ) -> CheckResult {
        let options = self.pool.connect_options();
        if DB::is_lost_when_closed(&self.outside, &options) {
            // Unless this connection has made the file just now.
            let _ = budget
                .within("", DB::look_outside(&self.outside, &options))
                .await;
        }
        let started_at = Instant::now();
        let Some(connection) = guard.connection() else {
            return Err(Failure::new("the connection was given back"));
        };
        let seen = self.look(budget, connection, &self.asked).await?;
        let time = started_at.elapsed();
        // It has answered. What does not come back in time is closed, and the next run starts anew.
        let _ = budget.within("", guard.give_back()).await;
        let lag = self.asked.judge(seen, &self.place())?;
        let observation = pool.readings(budget::answered_after(time));
        Ok(match lag {
            Some(lag) => observation.measurement("replicationLag", lag, "s"),
            None => observation,
        })
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
        let connected = budget.within(step, options.connect()).await?;
        let mut connection = connected.map_err(|error| self.unreachable(&error, pool))?;
        // A proxy such as PgBouncer greets in the name of a server that is down.
        let asked = self.asked.beside_the_pool();
        let seen = self.look(budget, &mut connection, &asked).await?;
        // A farewell that nobody has to wait for.
        let _ = budget.within("", connection.close()).await;
        asked.judge(seen, &self.place())?;
        match pool.is_exhausted() {
            true => pool.exhausted(waited, self.exhausted_pool),
            false => self.second_try(budget, pool, waited).await,
        }
    }

    /// The pool had a place, and gave no connection. An idle one that does not answer is gone by
    /// now, and another takes its place; whatever else holds it up holds up the application too.
    async fn second_try(&self, budget: &Budget, pool: PoolState, waited: f64) -> CheckResult {
        let hooks = "`after_connect`, `before_acquire`";
        let step = pool.second_try(waited, &self.place(), hooks);
        match budget.within(step, self.pool.acquire()).await? {
            Ok(connection) => {
                let guard = self.guard(connection);
                let _ = budget.within("", guard.give_back()).await;
                Ok(pool.gave_late(waited, self.pool_state()))
            }
            Err(error) => Err(self.refused(&error)),
        }
    }

    async fn look(
        &self,
        budget: &Budget,
        connection: &mut DB::Connection,
        asked: &Asked,
    ) -> Result<Seen, Failure> {
        let place = self.place();
        let step = format!("{place} does not answer a query");
        // So that the server says what it waited for before the run is out of time.
        let patience = budget.left() / 4 * 3;
        let looked = DB::look(connection, asked, patience);
        budget.within(step, looked).await?.map_err(|error| {
            let text = describe::<DB>(&error);
            Failure::new(match error {
                Error::Database(_) => format!("{place} answers a query with: {text}"),
                _ => format!("{place} broke off a query: {text}"),
            })
        })
    }

    fn guard(&self, connection: PoolConnection<DB>) -> ConnectionGuard<DB> {
        let options = self.pool.connect_options();
        let on_drop = match DB::is_lost_when_closed(&self.outside, &options) {
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

    /// What the pool itself said.
    fn refused(&self, error: &Error) -> Failure {
        match error {
            Error::PoolClosed => Failure::new("the application closed the pool"),
            error => {
                let text = describe::<DB>(error);
                Failure::new(format!("cannot connect to {}: {text}", self.place()))
            }
        }
    }

    fn unreachable(&self, error: &Error, pool: PoolState) -> Failure {
        if !pool.is_exhausted() {
            return self.refused(error);
        }
        let (refusal, place) = (pool.refusal(), self.place());
        let text = describe::<DB>(error);
        Failure::new(format!(
            "{refusal}; cannot connect to {place} either: {text}"
        ))
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
    let meaning = DB::meaning(&**database);
    worded(database.message(), database.code().as_deref(), meaning)
}
