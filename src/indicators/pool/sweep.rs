//! The search for dead connections among those that are idle.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

use super::ConnectionPool;
use super::lease::Lease;
use super::run::Run;

/// The least that an idle connection has for an answer, on a server in the same rack too.
const PATIENCE: Duration = Duration::from_millis(50);

impl<P: ConnectionPool> Run<'_, P> {
    /// Closes the dead ones among the idle connections, as far as two thirds of the remaining time
    /// allow. At most half of those that are untested are tested at a time: the application finds
    /// the others. Returns whether all were tested.
    ///
    /// `round_trip` is how long the server has just taken to answer a query. An idle connection has
    /// several times as long: it is tested, returned and perhaps tested by the pool too.
    pub(super) async fn sweep(&self, round_trip: Duration) -> bool {
        if !self.pool().falls_silent() {
            return false;
        }
        let until = self.budget.spent() + self.budget.left() / 3 * 2;
        let patience = round_trip.saturating_mul(4).max(PATIENCE);
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
            untested = self.idle().min(untested - batch);
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

    /// Pings an idle connection, if there is one, and closes it if it broke off.
    async fn test_idle(&self) {
        let Some(pooled) = self.pool().take_idle().await else {
            return;
        };
        let mut lease = Lease::new(self.pool(), pooled);
        let Some(connection) = lease.connection() else {
            return;
        };
        match self.pool().ping(connection).await {
            Ok(()) => {
                self.indicator.memory.pooled_answered();
                lease.give_back().await;
            }
            Err(error) => self.dead.broke_off(self.pool().describe(&error)),
        }
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
