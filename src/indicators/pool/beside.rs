//! A connection beside the pool, which tells an exhausted pool from a server that is down.

use std::time::Duration;

use tokio::time::Instant;

use super::run::Run;
use super::state::Parent;
use super::verdict::{self, Evidence};
use super::{ConnectionPool, PoolFault, PoolState};
use crate::{CheckResult, Failure};

/// An answer of the server beside the pool.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) at: Instant,
    /// `Some` if the answer is that it accepts no further connection, in the words of the server.
    pub(super) full: Option<String>,
}

/// The server has answered beside the pool.
pub(super) struct Reached {
    /// How long that took.
    took: Duration,
    answer: Answer,
}

/// Why the server has not answered beside the pool, or has refused.
pub(super) enum Unreached<E> {
    /// It is silent.
    Silent,
    /// It could not be connected to.
    Refused(E),
    /// The query beside the pool failed.
    Failed(Failure),
}

impl Reached {
    fn after(begun_at: Instant, full: Option<String>) -> Self {
        Self {
            took: begun_at.elapsed(),
            answer: Answer {
                at: Instant::now(),
                full,
            },
        }
    }

    pub(super) fn full(text: String) -> Self {
        Self::after(Instant::now(), Some(text))
    }

    pub(super) fn is_full(&self) -> bool {
        self.answer.full.is_some()
    }

    fn evidence(self) -> Evidence {
        Evidence::Now(self.answer)
    }
}

impl<P: ConnectionPool> Run<'_, P> {
    /// Opens a connection beside the pool and queries on it. A proxy accepts connections while its
    /// server is down.
    pub(super) async fn reach(&self) -> Result<Reached, Unreached<P::Error>> {
        let begun_at = Instant::now();
        let mut connection = match self.pool().connect().await {
            Ok(connection) => connection,
            Err(error) if self.pool().fault(&error) == PoolFault::Full => {
                let text = self.pool().describe(&error);
                return Ok(Reached::after(begun_at, Some(text)));
            }
            Err(error) => return Err(Unreached::Refused(error)),
        };
        let queried = self.query(&mut connection).await;
        let state = queried.map_err(|error| Unreached::Failed(self.query_failed(&error)))?;
        let reached = Reached::after(begun_at, None);
        // Optional: the connection has served its purpose.
        let _ = self.budget.within("", self.pool().close(connection)).await;
        let judged = self.indicator.settings.judge(state, &self.address);
        judged.map_err(Unreached::Failed)?;
        Ok(reached)
    }

    /// The failure of a run that got no answer on a pooled connection, which `is_silent` if the run
    /// has one, and none beside the pool.
    pub(super) fn unreached(&self, unreached: Unreached<P::Error>, is_silent: bool) -> Failure {
        let address = &self.address;
        let state = self.pool().state();
        let refusal = match is_silent {
            true => format!("{address} does not answer a query"),
            false => verdict::refusal(state),
        };
        let is_exhausted = state.is_some_and(PoolState::is_exhausted);
        match unreached {
            Unreached::Silent => {
                let waited = self.budget.spent().as_secs_f64();
                Failure::new(format!(
                    "{refusal}; {address} does not answer a new connection either: no answer \
                     within {waited:.1} s"
                ))
            }
            Unreached::Refused(error) if is_exhausted || is_silent => {
                let text = self.pool().describe(&error);
                Failure::new(format!(
                    "{refusal}; cannot connect to {address} either: {text}"
                ))
            }
            Unreached::Refused(error) => self.cannot_connect(&error),
            Unreached::Failed(failure) => failure,
        }
    }

    /// The server has answered beside the pool.
    pub(super) async fn judge_beside(&self, reached: Reached) -> CheckResult {
        let state = self.pool().state();
        if state.is_some_and(PoolState::is_exhausted) {
            return self.exhausted(state, reached.evidence());
        }
        let waited = self.budget.spent();
        self.sweep(reached.took).await;
        let begun_at = Instant::now();
        if self.retry(reached.took).await? {
            let now = self.pool().state();
            return Ok(verdict::second_attempt(
                &self.dead,
                state,
                now,
                waited,
                &self.address,
            ));
        }
        let now = self.pool().state();
        let is_in_use = now.is_none_or(|now| now.in_use() > 0);
        let has_parent = now.is_some_and(|now| now.parent != Parent::None);
        let has_no_room = now.is_none_or(|now| now.open >= now.most);
        match &reached.answer.full {
            // The application uses what it has, and no instance can have more.
            Some(_) if is_in_use => self.exhausted(now, reached.evidence()),
            Some(text) => Err(self.no_connection(text)),
            None if has_parent || is_in_use && has_no_room => {
                self.exhausted(now, reached.evidence())
            }
            None if !self.dead.is_none() => Ok(verdict::dead(&self.dead, now, &self.address)),
            None => {
                let hooks = self.pool().hooks();
                let step = verdict::retry_step(state, waited, &self.address, hooks);
                let waited = begun_at.elapsed().as_secs_f64();
                Err(Failure::new(format!(
                    "{step}: no answer within {waited:.1} s"
                )))
            }
        }
    }
}
