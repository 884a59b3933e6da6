//! Another attempt to get a connection from a pool whose server answers.

use std::time::Duration;

use tokio::time::timeout;

use super::lease::Lease;
use super::run::Run;
use super::{ConnectionPool, PoolFault};
use crate::Failure;

/// How an attempt ended.
enum Attempt<E> {
    Answered,
    /// The connection broke off, with these words.
    Broken(String),
    /// The pool gave none.
    None(E),
}

impl<P: ConnectionPool> Run<'_, P> {
    /// Whether the pool now gives a connection that answers. While idle connections are left, which
    /// may be dead, each attempt has only a part of the time.
    ///
    /// `took` is the time in which the server has just answered beside the pool.
    pub(super) async fn retry(&self, took: Duration) -> Result<bool, Failure> {
        for _ in 0..=self.most_open() + 1 {
            let left = self.budget.left();
            if left.is_zero() {
                break;
            }
            let may_be_dead = self.pool().state().is_none_or(|state| state.idle > 0);
            let patience = match may_be_dead && self.pool().falls_silent() {
                true => (took * 8).max(left / 4).min(left),
                false => left,
            };
            match timeout(patience, self.attempt()).await {
                Ok(Attempt::Answered) => return Ok(true),
                Ok(Attempt::Broken(words)) => self.dead.broke_off(words),
                Ok(Attempt::None(error)) => match self.pool().fault(&error) {
                    PoolFault::TimedOut | PoolFault::Full => return Ok(false),
                    _ => return Err(self.cannot_connect(&error)),
                },
                Err(_) if may_be_dead => {}
                Err(_) => break,
            }
        }
        Ok(false)
    }

    async fn attempt(&self) -> Attempt<P::Error> {
        let pooled = match self.pool().take().await {
            Ok(pooled) => pooled,
            Err(error) => return Attempt::None(error),
        };
        let mut lease = Lease::new(self.pool(), pooled);
        if self.pool().falls_silent() {
            if let Some(connection) = lease.connection() {
                if let Err(error) = self.pool().ping(connection).await {
                    return Attempt::Broken(self.pool().describe(&error));
                }
            }
        }
        let _ = self.budget.within("", lease.give_back()).await;
        Attempt::Answered
    }
}
