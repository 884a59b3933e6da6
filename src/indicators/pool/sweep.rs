//! The search for dead connections among those that are idle.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use tokio::time::timeout;

use super::ConnectionPool;
use super::beside::Reached;
use super::lease::Lease;
use super::part;
use super::run::Run;

impl<P: ConnectionPool> Run<'_, P> {
    /// Closes the dead ones among the idle connections, as far as two thirds of the remaining time
    /// allow. At most half of those that are untested are tested at a time: the application finds
    /// the others. Returns whether all were tested: never so if the pool gives none that is idle.
    pub(super) async fn sweep(&self, reached: Reached) -> bool {
        if !self.pool().falls_silent() {
            return false;
        }
        let until = self.budget.spent() + part::SWEEP.of(self.budget.left());
        let patience = reached.patience();
        let mut untested = self.idle();
        while untested > 0 {
            if self.budget.spent() + patience > until {
                return false;
            }
            let batch = untested.div_ceil(2);
            let tests = (0..batch).map(|_| timeout(patience, self.test_idle()));
            let results = join(tests.collect()).await;
            // What is dropped here, in the middle of its test, is closed.
            let silent = results.iter().filter(|result| result.is_err());
            silent.for_each(|_| self.dead.fell_silent());
            let tested = results.iter().filter(|result| !matches!(result, Ok(false)));
            let tested = tested.count();
            if tested == 0 && self.idle() > 0 {
                return false;
            }
            untested = self.idle().min(untested - tested);
        }
        true
    }

    /// Tests one idle connection while another one of the pool is silent and no new one can be had.
    pub(super) async fn test_another(&self) {
        if self.pool().falls_silent() {
            self.test_idle().await;
        }
    }

    pub(super) fn idle(&self) -> usize {
        self.pool().state().map_or(0, |state| state.idle)
    }

    /// Pings an idle connection, and closes it if it broke off. Returns whether there was one.
    async fn test_idle(&self) -> bool {
        let Some(pooled) = self.pool().take_idle().await else {
            return false;
        };
        let mut lease = Lease::new(self.pool(), pooled);
        let Some(connection) = lease.connection() else {
            return false;
        };
        match self.pool().ping(connection).await {
            Ok(()) => {
                self.indicator.memory.pooled_answered();
                lease.give_back().await;
            }
            Err(error) => self.dead.broke_off(self.pool().describe(&error)),
        }
        true
    }
}

/// Waits for all of these, at the same time.
async fn join<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut waiting: Vec<Option<Pin<Box<F>>>> = futures
        .into_iter()
        .map(|future| Some(Box::pin(future)))
        .collect();
    let mut done = Vec::with_capacity(waiting.len());
    poll_fn(|context| {
        for slot in &mut waiting {
            if let Some(future) = slot {
                if let Poll::Ready(output) = future.as_mut().poll(context) {
                    done.push(output);
                    *slot = None;
                }
            }
        }
        match waiting.iter().all(Option::is_none) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    done
}
