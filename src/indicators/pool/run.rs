//! One run: a query on a connection of the pool, and one beside the pool if that gets no answer.

use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

use super::beside::{Reached, Reason};
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
        let answered_beside = self.take_answered_beside();
        let prepared = self.pool.prepare();
        let step = format!("{}: its storage does not answer", self.pool.address());
        budget
            .within(step, prepared)
            .await?
            .map_err(|fault| Failure::new(format!("{}: {fault}", self.pool.address())))?;
        let mut run = Run {
            indicator: self,
            budget: &budget,
            share: self.time_of_a_run() / 20 * 9,
            address: self.pool.address(),
            // Before the run takes a connection itself.
            before: self.pool.state(),
            answered_beside,
            dead: Dead::default(),
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
    pub(super) before: Option<PoolState>,
    /// When the last run over an exhausted pool had an answer beside it.
    pub(super) answered_beside: Option<Instant>,
    pub(super) dead: Dead,
}

/// What came of a query on a pooled connection.
enum Asked<E> {
    Done(Result<DatabaseState, E>),
    /// The server answered beside the pool first.
    Silent(Reached),
}

impl<'a, P: ConnectionPool> Run<'a, P> {
    async fn check(&mut self) -> CheckResult {
        // A connection that broke off is replaced by the next one, and after all that were open
        // comes a new one. More would be a loop.
        for _ in 0..=self.most_open() {
            let taken = self.pool().take();
            let pooled = match self.budget.within_share(self.share, "", taken).await {
                Ok(Ok(pooled)) => pooled,
                Err(_) => break,
                Ok(Err(error)) => match self.pool().fault(&error) {
                    PoolFault::TimedOut => break,
                    PoolFault::Full => {
                        let reached = Reached::full(self.pool().describe(&error));
                        return self.judge_beside(self.pool().state(), reached).await;
                    }
                    _ => return Err(self.cannot_connect(&error)),
                },
            };
            let mut lease = Lease::new(self.pool(), pooled);
            let started_at = Instant::now();
            match self.ask(&mut lease).await? {
                Asked::Done(Ok(state)) => return self.pass(lease, state, started_at).await,
                Asked::Done(Err(error)) => match self.pool().fault(&error) {
                    PoolFault::Broken => self.dead.broke_off(self.pool().describe(&error)),
                    _ => return Err(self.query_failed(&error)),
                },
                Asked::Silent(reached) => {
                    drop(lease);
                    self.dead.fell_silent();
                    return self.judge_beside(self.pool().state(), reached).await;
                }
            }
        }
        self.look_beside().await
    }

    /// Queries on a pooled connection. If that is silent when its share of the time is over, this
    /// asks beside the pool as well, and takes the first answer: a server may be slow, and an answer
    /// of the pooled connection is worth more.
    async fn ask(&self, lease: &mut Lease<'_, P>) -> Result<Asked<P::Error>, Failure> {
        let Some(connection) = lease.connection() else {
            return Err(Failure::new("the connection was given back to the pool"));
        };
        let mut query = pin!(self.query(connection));
        let step = format!("{} does not answer a query", self.address);
        if !self.pool().falls_silent() {
            return self.budget.within(step, query).await.map(Asked::Done);
        }
        let first = self.budget.within_share(self.share, "", &mut query).await;
        if let Ok(done) = first {
            return Ok(Asked::Done(done));
        }
        let mut beside = pin!(self.reach(Reason::Silent));
        let mut refused = None;
        let race = async {
            loop {
                tokio::select! {
                    biased;
                    done = &mut query => break Asked::Done(done),
                    reached = &mut beside, if refused.is_none() => match reached {
                        Ok(reached) if !reached.is_full() => break Asked::Silent(reached),
                        // The pooled connection may still answer.
                        other => refused = Some(other),
                    },
                }
            }
        };
        let raced = self.budget.within(step, race).await;
        match (raced, refused) {
            (Err(_), Some(Err(failure))) => Err(failure),
            (Err(_), Some(Ok(reached))) => Ok(Asked::Silent(reached)),
            (Err(silence), None) => Err(Failure::new(format!(
                "{}; nor does it answer a new connection",
                silence.output()
            ))),
            (Ok(asked), _) => Ok(asked),
        }
    }

    /// The server has answered on a connection of the pool.
    async fn pass(
        &mut self,
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
        if self.before.is_some_and(|before| before.open == 0) {
            self.before = self.pool().state();
        }
        let observation = self.dead.answered_after(time, &self.address);
        let observation = match self.before {
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
            Some(words) => format!(
                "{address} broke off a query: {words}; cannot connect to {address}: {text}"
            ),
            None => format!("cannot connect to {address}: {text}"),
        })
    }

    /// The result of a run over an exhausted pool whose server has answered.
    pub(super) fn exhausted(&self, state: Option<PoolState>, evidence: Evidence) -> CheckResult {
        self.indicator.set_answered_beside(evidence.at());
        let waited = self.share.min(self.budget.spent());
        evidence.judge(state, waited, self.indicator.exhausted_pool)
    }
}
