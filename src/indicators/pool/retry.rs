//! Another attempt to get a connection from a pool whose server answers.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;

use super::beside::Reached;
use super::lease::Lease;
use super::part;
use super::run::Run;
use super::{ConnectionPool, PoolFault};
use crate::Failure;

/// How an attempt ended.
enum Attempt {
    Answered,
    /// The connection broke off.
    Broken,
    /// The pool gave none in its own time, or the server accepts none.
    Refused,
    Silent,
}

impl<P: ConnectionPool> Run<'_, P> {
    /// Whether the pool now gives a connection that answers. While idle connections are left, which
    /// may be dead, each attempt has only a part of the time.
    pub(super) async fn retry(&self, reached: Reached) -> Result<bool, Failure> {
        for _ in 0..=self.most_open() + 1 {
            let left = self.budget.left();
            if left.is_zero() {
                break;
            }
            let may_be_dead = self.pool().state().is_none_or(|state| state.idle > 0);
            let patience = match may_be_dead && self.pool().falls_silent() {
                true => reached
                    .took
                    .saturating_mul(8)
                    .max(part::ATTEMPT.of(left))
                    .min(left),
                false => left,
            };
            match self.attempt(patience).await? {
                Attempt::Answered => return Ok(true),
                Attempt::Broken => {}
                Attempt::Silent if may_be_dead => {}
                Attempt::Silent | Attempt::Refused => break,
            }
        }
        Ok(false)
    }

    /// Whether the pool gives a connection twice, all of whose idle ones answer: the second time one
    /// that is idle. A hook may hang on those alone.
    pub(super) async fn retry_twice(&self, reached: Reached) -> Result<bool, Failure> {
        for at in 0..2 {
            if at > 0 && !self.has_enough_time(reached) {
                break;
            }
            match self.attempt(self.budget.left()).await? {
                Attempt::Answered => {}
                Attempt::Broken => return self.retry(reached).await,
                Attempt::Silent | Attempt::Refused => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Whether there is enough time left for a pool that is well, so that its silence says something.
    pub(super) fn has_enough_time(&self, reached: Reached) -> bool {
        let least = part::LEAST_FOR_POOL.of(self.indicator.time_of_a_run());
        self.budget.left() >= reached.took.saturating_mul(4).max(least)
    }

    async fn attempt(&self, patience: Duration) -> Result<Attempt, Failure> {
        let attempt = timeout(patience, self.take_and_ping()).await;
        attempt.unwrap_or(Ok(Attempt::Silent))
    }

    async fn take_and_ping(&self) -> Result<Attempt, Failure> {
        let pool = self.pool();
        let pooled = match pool.take().await {
            Ok(pooled) => pooled,
            Err(error) => {
                return match pool.fault(&error) {
                    PoolFault::TimedOut => Ok(Attempt::Refused),
                    PoolFault::Full => {
                        self.is_refused.store(true, Ordering::Relaxed);
                        Ok(Attempt::Refused)
                    }
                    _ => Err(self.cannot_connect(&error)),
                };
            }
        };
        let mut lease = Lease::new(pool, pooled);
        if let (true, Some(connection)) = (pool.falls_silent(), lease.connection()) {
            if let Err(error) = pool.ping(connection).await {
                self.dead.broke_off(pool.describe(&error));
                return Ok(Attempt::Broken);
            }
        }
        self.indicator.memory.pooled_answered();
        let _ = self.budget.within("", lease.give_back()).await;
        Ok(Attempt::Answered)
    }
}
