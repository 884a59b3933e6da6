//! A connection beside the pool, which tells an exhausted pool from a server that is down.

use std::time::Duration;

use tokio::time::Instant;

use super::run::Run;
use super::state::Parent;
use super::verdict::{self, Evidence};
use super::{ConnectionPool, PoolFault, PoolState};
use crate::{CheckResult, Failure};

/// Why a run connects beside the pool.
pub(super) enum Reason {
    /// The pool gave no connection.
    Pool(Option<PoolState>),
    /// A connection of the pool is silent.
    Silent,
}

/// The server has answered beside the pool.
pub(super) struct Reached {
    /// How long that took.
    pub(super) took: Duration,
    /// `Some` if the answer is that it accepts no further connection, in the words of the server.
    full: Option<String>,
}

impl Reached {
    pub(super) fn full(text: String) -> Self {
        Self {
            took: Duration::ZERO,
            full: Some(text),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.full.is_some()
    }

    fn evidence(self) -> Evidence {
        match self.full {
            Some(text) => Evidence::Full(text),
            None => Evidence::Answers,
        }
    }
}

impl<P: ConnectionPool> Run<'_, P> {
    /// The pool gave no connection in time.
    pub(super) async fn look_beside(&mut self) -> CheckResult {
        let state = self.pool().state();
        if state.is_some_and(PoolState::is_exhausted) {
            let interval = self.indicator.beside_interval;
            if let Some(at) = self.answered_beside.filter(|at| at.elapsed() < interval) {
                return self.exhausted(state, Evidence::Earlier(at));
            }
        }
        let reached = self.reach(Reason::Pool(state)).await?;
        self.judge_beside(state, reached).await
    }

    /// The server has answered beside the pool; `state` is that of the pool before.
    pub(super) async fn judge_beside(
        &mut self,
        state: Option<PoolState>,
        reached: Reached,
    ) -> CheckResult {
        if state.is_some_and(PoolState::is_exhausted) {
            return self.exhausted(state, reached.evidence());
        }
        let waited = self.budget.spent();
        self.sweep(reached.took).await;
        let begun_at = Instant::now();
        if self.retry(reached.took).await? {
            let now = self.pool().state();
            return Ok(verdict::second_attempt(&self.dead, state, now, waited, &self.address));
        }
        let now = self.pool().state();
        let is_in_use = now.is_none_or(|now| now.in_use() > 0);
        let has_no_room = now.is_none_or(|now| {
            now.is_exhausted() || now.open >= now.most || now.parent != Parent::None
        });
        match &reached.full {
            // The application uses what it has, and no instance can have more.
            Some(_) if is_in_use => self.exhausted(now, reached.evidence()),
            Some(text) => Err(self.no_connection(text)),
            None if is_in_use && has_no_room => self.exhausted(now, reached.evidence()),
            None if !self.dead.is_none() => Ok(verdict::dead(&self.dead, now, &self.address)),
            None => {
                let hooks = self.pool().hooks();
                let step = verdict::retry_step(state, waited, &self.address, hooks);
                let waited = begun_at.elapsed().as_secs_f64();
                Err(Failure::new(format!("{step}: no answer within {waited:.1} s")))
            }
        }
    }

    /// Opens a connection beside the pool and queries on it. A proxy accepts connections while its
    /// server is down.
    pub(super) async fn reach(&self, reason: Reason) -> Result<Reached, Failure> {
        let address = &self.address;
        let begun_at = Instant::now();
        let (refusal, is_named) = match reason {
            Reason::Pool(state) => (
                verdict::refusal(state),
                state.is_some_and(PoolState::is_exhausted),
            ),
            Reason::Silent => (format!("{address} does not answer a query"), true),
        };
        let step = format!("{refusal}; {address} does not answer a new connection either");
        let connected = self.budget.within(step, self.pool().connect()).await?;
        let mut connection = match connected {
            Ok(connection) => connection,
            Err(error) => {
                let text = self.pool().describe(&error);
                return match self.pool().fault(&error) {
                    PoolFault::Full => Ok(Reached {
                        took: begun_at.elapsed(),
                        full: Some(text),
                    }),
                    _ if is_named => Err(Failure::new(format!(
                        "{refusal}; cannot connect to {address} either: {text}"
                    ))),
                    _ => Err(self.cannot_connect(&error)),
                };
            }
        };
        let step = format!("{address} does not answer a query");
        let queried = self.budget.within(step, self.query(&mut connection)).await?;
        let state = queried.map_err(|error| self.query_failed(&error))?;
        let took = begun_at.elapsed();
        // Optional: the connection has served its purpose.
        let _ = self.budget.within("", self.pool().close(connection)).await;
        self.indicator.settings.judge(state, address)?;
        Ok(Reached { took, full: None })
    }
}
