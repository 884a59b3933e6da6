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
    /// the others. `took` is the time in which the server has just answered beside the pool.
    pub(super) async fn sweep(&self, took: Duration) {
        let left = self.budget.left();
        if !self.pool().falls_silent() {
            return;
        }
        let until = self.budget.spent() + left / 3 * 2;
        let patience = (took * 4).min(left / 4).max(PATIENCE);
        let mut untested = self.idle();
        while untested > 0 && self.budget.spent() + patience <= until {
            let batch = untested.div_ceil(2);
            let tests = (0..batch).map(|_| timeout(patience, test_idle(self.pool())));
            let results = join(tests.collect()).await;
            for result in results {
                // What is dropped here, in the middle of its test, is closed.
                if result.is_err() {
                    self.dead.fell_silent();
                } else if let Ok(Some(words)) = result {
                    self.dead.broke_off(words);
                }
            }
            untested = self.idle().min(untested - batch);
        }
    }

    pub(super) fn idle(&self) -> usize {
        self.pool().state().map_or(0, |state| state.idle)
    }
}

/// Pings an idle connection. Returns why it was closed, if it was.
async fn test_idle<P: ConnectionPool>(pool: &P) -> Option<String> {
    let mut lease = Lease::new(pool, pool.take_idle().await?);
    match pool.ping(lease.connection()?).await {
        Ok(()) => {
            lease.give_back().await;
            None
        }
        Err(error) => Some(pool.describe(&error)),
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
