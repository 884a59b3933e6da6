//! The time of a run, divided among its steps so that a failure names the step that took too long.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::{Failure, Observation};

/// The default timeout of indicators that use the network.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);

/// The default TTL of indicators that use the network, because every instance of a fleet runs them
/// all the time.
pub(crate) const TTL: Duration = Duration::from_secs(5);

/// Nine tenths of the timeout of a run. The refresher aborts a run that takes all of its timeout,
/// and the failure would not name the step.
pub(crate) struct Budget {
    started_at: Instant,
    total: Duration,
}

impl Budget {
    pub(crate) fn start(timeout: Duration) -> Self {
        Self {
            started_at: Instant::now(),
            total: timeout / 10 * 9,
        }
    }

    /// The time that has passed.
    pub(crate) fn spent(&self) -> Duration {
        self.started_at.elapsed()
    }

    /// The time that is left.
    pub(crate) fn left(&self) -> Duration {
        self.total.saturating_sub(self.spent())
    }

    /// Waits for a step until the time is used up. The failure starts with `step`.
    pub(crate) async fn within<F: Future>(
        &self,
        step: impl Display,
        future: F,
    ) -> Result<F::Output, Failure> {
        self.within_share(self.total, step, future).await
    }

    /// Waits for a step until `share` of the time, counted from the start of the run, is used up.
    pub(crate) async fn within_share<F: Future>(
        &self,
        share: Duration,
        step: impl Display,
        future: F,
    ) -> Result<F::Output, Failure> {
        let begun_at = Instant::now();
        let deadline = self.started_at + share.min(self.total);
        timeout_at(deadline, future).await.map_err(|_| {
            let waited = begun_at.elapsed().as_secs_f64();
            Failure::new(format!("{step}: no answer within {waited:.1} s"))
        })
    }
}

/// Passes with `responseTime`, in milliseconds to three places.
pub(crate) fn answered_after(time: Duration) -> Observation {
    Observation::pass().measurement("responseTime", milliseconds(time), "ms")
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
