//! What a connection of the pool answers.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::database::DatabaseState;
use super::judge::{Wait, is_in_use};
use super::lease::Lease;
use super::part;
use super::run::Run;
use super::{ConnectionPool, PoolFault};
use crate::{CheckResult, Failure};

/// How many connections of a pool that does not count them a run may find broken.
const UNCOUNTED: usize = 8;

/// How long a run waits between two attempts to get a connection that a full server refuses.
const PAUSE: Duration = Duration::from_millis(500);

/// How often a run looks meanwhile whether the pool has an idle connection, which costs nothing.
const GLANCE: Duration = Duration::from_millis(20);

/// What came of the attempt to get an answer on a connection of the pool.
pub(super) enum Asked<'a, P: ConnectionPool> {
    Answered {
        lease: Lease<'a, P>,
        state: DatabaseState,
        started_at: Instant,
    },
    Failed(Failure),
    /// The pool has no connection and may open none, in the words of the server.
    Full(String),
    /// The pool gave none in its own time, or only such that broke off.
    None,
}

impl<'a, P: ConnectionPool> Run<'a, P> {
    /// Takes a connection and queries on it. One that broke off is replaced by the next one. After all
    /// that were open comes a new one, and if that breaks off too, there is no point in another.
    pub(super) async fn ask(&self) -> Asked<'a, P> {
        let mut broken = 0;
        while broken <= self.most_open() {
            let pooled = match self.take().await {
                Ok(pooled) => pooled,
                Err(error) => match self.pool().fault(&error) {
                    PoolFault::TimedOut => return Asked::None,
                    // One in use may become free. Of a pooler, it is not the server that answers.
                    PoolFault::Full if self.may_become_free() => {
                        self.is_refused.store(true, Ordering::Relaxed);
                        self.pause().await;
                        continue;
                    }
                    PoolFault::Full => return Asked::Full(self.pool().describe(&error)),
                    _ => return Asked::Failed(self.cannot_connect(&error)),
                },
            };
            let mut lease = Lease::new(self.pool(), pooled);
            let started_at = Instant::now();
            self.set_queried_at(Some(started_at));
            let Some(connection) = lease.connection() else {
                return Asked::None;
            };
            let queried = self.query(connection).await;
            self.set_queried_at(None);
            match queried {
                Ok(state) => {
                    self.indicator.memory.pooled_answered();
                    return Asked::Answered {
                        lease,
                        state,
                        started_at,
                    };
                }
                Err(error) => match self.pool().fault(&error) {
                    PoolFault::Broken => self.dead.broke_off(self.pool().describe(&error)),
                    _ => return Asked::Failed(self.query_failed(&error)),
                },
            }
            broken += 1;
        }
        Asked::None
    }

    fn may_become_free(&self) -> bool {
        self.indicator.settings.behind_pooler || is_in_use(self.pool().state())
    }

    /// Waits until the pool has an idle connection, but not for long: it may not tell.
    async fn pause(&self) {
        let ends_at = Instant::now() + PAUSE;
        loop {
            sleep(GLANCE).await;
            if self.idle() > 0 || Instant::now() >= ends_at {
                break;
            }
        }
    }

    /// Takes a connection, and notices whether the pool opens one for that.
    async fn take(&self) -> Result<P::Pooled, P::Error> {
        let mut taking = pin!(self.pool().take());
        let taken = poll_fn(|context| {
            let open = self.open();
            let polled = taking.as_mut().poll(context);
            if polled.is_pending() && self.open() > open {
                self.is_opening.store(true, Ordering::Relaxed);
            }
            polled
        });
        let taken = taken.await;
        self.is_opening.store(false, Ordering::Relaxed);
        taken
    }

    pub(super) async fn conclude(&self, asked: Asked<'a, P>) -> CheckResult {
        match asked {
            Asked::Answered {
                lease,
                state,
                started_at,
            } => self.pass(lease, state, started_at).await,
            Asked::Failed(failure) => Err(failure),
            Asked::Full(text) => self.judge_full(text, Wait::Connection),
            Asked::None => Err(Failure::new("the pool gave no connection")),
        }
    }

    /// The server has answered on a connection of the pool.
    async fn pass(
        &self,
        mut lease: Lease<'a, P>,
        state: DatabaseState,
        started_at: Instant,
    ) -> CheckResult {
        let skipped = self.write(&mut lease).await?;
        let time = started_at.elapsed();
        // A connection that does not return in time is closed.
        let _ = self.budget.within("", lease.give_back()).await;
        let lag = self.indicator.settings.judge(state, &self.address)?;
        // A pool that was empty shows the connection that the run has opened.
        let was_empty = self.before.is_some_and(|before| before.open == 0);
        let state = match was_empty {
            true => self.pool().state(),
            false => self.before,
        };
        let observation = self.dead.answered_after(time, &self.address, skipped);
        let observation = match state {
            Some(state) => state.observe(observation),
            None => observation,
        };
        Ok(match lag {
            Some(lag) => observation.measurement("replicationLag", lag, "s"),
            None => observation,
        })
    }

    pub(super) async fn query(
        &self,
        connection: &mut P::Connection,
    ) -> Result<DatabaseState, P::Error> {
        let indicator = self.indicator;
        let queries = indicator.settings.queries(self.patience());
        match &indicator.database {
            Some(database) => (database.query)(&indicator.pool, connection, &queries).await,
            None => {
                let pinged = indicator.pool.ping(connection).await;
                pinged.map(|()| DatabaseState::answers())
            }
        }
    }

    /// The statement of the application, which has no second try: it may have been carried out.
    ///
    /// Returns why it was not run, if so. With the little time that a slow pool may leave, the
    /// server would end a statement that is well.
    async fn write(&self, lease: &mut Lease<'_, P>) -> Result<Option<String>, Failure> {
        let settings = &self.indicator.settings;
        let (Some(database), Some(statement), Some(connection)) = (
            &self.indicator.database,
            &settings.write_statement,
            lease.connection(),
        ) else {
            return Ok(None);
        };
        let (spent, time) = (self.budget.spent(), self.indicator.time_of_a_run());
        if self.budget.left() < part::LEAST_FOR_STATEMENT.of(time) {
            let [spent, time] = [spent, time].map(|time| time.as_secs_f64());
            return Ok(Some(format!(
                "the statement was not run, because {spent:.1} s of {time:.1} s had passed before it"
            )));
        }
        let queries = settings.queries(self.patience());
        let step = format!("{} does not answer a query", self.address);
        let written = (database.write)(self.pool(), connection, statement, &queries);
        let written = self.budget.within(step, written).await?;
        written.map_err(|error| self.query_failed(&error))?;
        Ok(None)
    }

    /// Less than the run has, so that the server reports what a statement waited for.
    fn patience(&self) -> Duration {
        part::STATEMENT.of(self.budget.left())
    }

    pub(super) fn most_open(&self) -> usize {
        self.before.map_or(UNCOUNTED, |before| before.open)
    }

    /// The failure of a query that had an answer, or none because its connection broke off.
    pub(super) fn query_failed(&self, error: &P::Error) -> Failure {
        let (address, text) = (&self.address, self.pool().describe(error));
        Failure::new(match self.pool().fault(error) {
            PoolFault::Broken => format!("{address} broke off a query: {text}"),
            _ => format!("{address} answers a query with: {text}"),
        })
    }

    /// The failure of the pool itself.
    pub(super) fn cannot_connect(&self, error: &P::Error) -> Failure {
        if self.pool().fault(error) == PoolFault::Closed {
            return Failure::new("the application closed the pool");
        }
        let text = self.pool().describe(error);
        self.no_connection(&text)
    }

    pub(super) fn no_connection(&self, text: &str) -> Failure {
        let address = &self.address;
        Failure::new(match self.dead.last_words() {
            Some(words) => {
                format!("{address} broke off a query: {words}; cannot connect to {address}: {text}")
            }
            None => format!("cannot connect to {address}: {text}"),
        })
    }
}
