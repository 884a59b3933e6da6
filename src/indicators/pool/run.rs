//! One run: a query on a connection of the pool, and one beside the pool if that gets no answer.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::beside::{Answer, Reached, Unreached};
use super::database::DatabaseState;
use super::lease::Lease;
use super::verdict::{Dead, Evidence};
use super::{ConnectionPool, PoolFault, PoolIndicator, PoolState};
use crate::indicators::shared::budget::Budget;
use crate::{CheckResult, Failure};

/// How many connections of a pool that does not count them a run may find broken.
const UNCOUNTED: usize = 8;

impl<P: ConnectionPool> PoolIndicator<P> {
    pub(super) async fn run(&self) -> CheckResult {
        let budget = Budget::start(self.time_of_a_run());
        let answered_beside = self.take_answer();
        let address = self.pool.address();
        let step = format!("{address}: its storage does not answer");
        let prepared = budget.within(step, self.pool.prepare()).await?;
        prepared.map_err(|fault| Failure::new(format!("{address}: {fault}")))?;
        let run = Run {
            indicator: self,
            budget: &budget,
            share: self.time_of_a_run() / 20 * 9,
            address,
            // Before the run takes a connection itself.
            before: self.pool.state(),
            answered_beside,
            dead: Dead::default(),
            has_connection: AtomicBool::new(false),
        };
        run.check().await
    }
}

/// What a run knows.
pub(super) struct Run<'a, P: ConnectionPool> {
    pub(super) indicator: &'a PoolIndicator<P>,
    pub(super) budget: &'a Budget,
    /// The time until the run looks beside the pool.
    share: Duration,
    pub(super) address: String,
    before: Option<PoolState>,
    /// The answer beside the pool that the last run had or repeated, if it found an exhausted pool.
    answered_beside: Option<Answer>,
    pub(super) dead: Dead,
    /// Whether the run holds a connection of the pool, on which it waits for an answer.
    has_connection: AtomicBool,
}

/// What came of the attempt to get an answer on a connection of the pool.
enum Asked<'a, P: ConnectionPool> {
    Answered {
        lease: Lease<'a, P>,
        state: DatabaseState,
        started_at: Instant,
    },
    Failed(Failure),
    /// The pool may not grow, in the words of the server.
    Full(String),
    /// The pool gave none in its own time, or only such that broke off.
    None,
}

impl<'a, P: ConnectionPool> Run<'a, P> {
    async fn check(&self) -> CheckResult {
        let mut asking = Box::pin(self.ask());
        let first = self.budget.within_share(self.share, "", &mut asking).await;
        let mut is_asking = first.is_err();
        match first {
            Ok(Asked::None) | Err(_) => {}
            Ok(asked) => return self.conclude(asked).await,
        }
        if !self.pool().falls_silent() && self.has_connection.load(Ordering::Relaxed) {
            let step = format!("{} does not answer a query", self.address);
            return self.conclude(self.budget.within(step, asking).await?).await;
        }
        let state = self.pool().state();
        let is_exhausted = state.is_some_and(PoolState::is_exhausted);
        let interval = self.indicator.beside_interval;
        if let Some(answer) = self.answered_beside.clone() {
            if is_exhausted && answer.at.elapsed() < interval {
                return self.exhausted(state, Evidence::Earlier(answer));
            }
        }
        // A server may be slow, and a place may become free: an answer of a pooled connection is
        // worth more than one beside the pool. Behind a pooler it has all of the time, because its
        // connection is good while it waits in the queue.
        let mut reaching = pin!(self.reach());
        let mut refused = None;
        let race = async {
            loop {
                let may_still_answer = is_exhausted || self.has_connection.load(Ordering::Relaxed);
                tokio::select! {
                    biased;
                    asked = &mut asking, if is_asking => match asked {
                        Asked::None => is_asking = false,
                        asked => break Some(Ok(asked)),
                    },
                    reached = &mut reaching, if refused.is_none() => match reached {
                        Ok(reached) if !reached.is_full() && !self.waits_in_a_queue() => {
                            break Some(Err(reached));
                        }
                        Err(unreached) if !may_still_answer => {
                            refused = Some(Err(unreached));
                            break None;
                        }
                        other => refused = Some(other),
                    },
                    else => break None,
                }
            }
        };
        let raced = self.budget.within("", race).await;
        // Discards the connection that is silent, be it that the pool still tests it.
        let open = self.open();
        drop(asking);
        let is_tested = self.before.is_some_and(|before| before.idle > 0) && self.open() < open;
        let reached = match (raced, refused) {
            (Ok(Some(Ok(asked))), _) => return self.conclude(asked).await,
            (Ok(Some(Err(reached))), _) => Ok(reached),
            (_, Some(refused)) => refused,
            (_, None) => Err(Unreached::Silent),
        };
        let is_silent = self.has_connection.load(Ordering::Relaxed);
        match reached {
            Ok(reached) => {
                if is_silent || is_tested {
                    self.dead.fell_silent();
                }
                self.judge_beside(reached).await
            }
            Err(unreached) => Err(self.unreached(unreached, is_silent)),
        }
    }

    async fn conclude(&self, asked: Asked<'a, P>) -> CheckResult {
        match asked {
            Asked::Answered {
                lease,
                state,
                started_at,
            } => self.pass(lease, state, started_at).await,
            Asked::Failed(failure) => Err(failure),
            Asked::Full(text) => self.judge_beside(Reached::full(text)).await,
            Asked::None => Err(Failure::new("the pool gave no connection")),
        }
    }

    /// Takes a connection and queries on it. One that broke off is replaced by the next one, and
    /// after all that were open comes a new one. More would be a loop.
    async fn ask(&self) -> Asked<'a, P> {
        for _ in 0..=self.most_open() {
            let pooled = match self.pool().take().await {
                Ok(pooled) => pooled,
                Err(error) => {
                    return match self.pool().fault(&error) {
                        PoolFault::TimedOut => Asked::None,
                        PoolFault::Full => Asked::Full(self.pool().describe(&error)),
                        _ => Asked::Failed(self.cannot_connect(&error)),
                    };
                }
            };
            let mut lease = Lease::new(self.pool(), pooled);
            let started_at = Instant::now();
            self.has_connection.store(true, Ordering::Relaxed);
            let Some(connection) = lease.connection() else {
                return Asked::None;
            };
            let queried = self.query(connection).await;
            self.has_connection.store(false, Ordering::Relaxed);
            match queried {
                Ok(state) => {
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
        }
        Asked::None
    }

    /// The server has answered on a connection of the pool.
    async fn pass(
        &self,
        mut lease: Lease<'a, P>,
        state: DatabaseState,
        started_at: Instant,
    ) -> CheckResult {
        self.write(&mut lease).await?;
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
        let observation = self.dead.answered_after(time, &self.address);
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
    async fn write(&self, lease: &mut Lease<'_, P>) -> Result<(), Failure> {
        let settings = &self.indicator.settings;
        let (Some(database), Some(statement), Some(connection)) = (
            &self.indicator.database,
            &settings.write_statement,
            lease.connection(),
        ) else {
            return Ok(());
        };
        let queries = settings.queries(self.patience());
        let step = format!("{} does not answer a query", self.address);
        let written = (database.write)(self.pool(), connection, statement, &queries);
        let written = self.budget.within(step, written).await?;
        written.map_err(|error| self.query_failed(&error))
    }

    /// Less than the run has, so that the server reports what a statement waited for.
    fn patience(&self) -> Duration {
        self.budget.left() / 4 * 3
    }

    pub(super) fn most_open(&self) -> usize {
        self.before.map_or(UNCOUNTED, |before| before.open)
    }

    /// Whether the query on a pooled connection may wait in the queue of a pooler.
    fn waits_in_a_queue(&self) -> bool {
        self.indicator.settings.behind_pooler && self.has_connection.load(Ordering::Relaxed)
    }

    fn open(&self) -> usize {
        self.pool().state().map_or(0, |state| state.open)
    }

    pub(super) fn pool(&self) -> &'a P {
        &self.indicator.pool
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

    /// The result of a run over an exhausted pool whose server has answered.
    pub(super) fn exhausted(&self, state: Option<PoolState>, evidence: Evidence) -> CheckResult {
        self.indicator.set_answer(evidence.answer());
        let waited = self.share.min(self.budget.spent());
        evidence.judge(state, waited, self.indicator.exhausted_pool)
    }
}
