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

/// The longest timeout that a check can have. The clock cannot tell the end of any time.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The time of a run, divided among its steps so that a failure names the step that took too long.
///
/// For an indicator of your own over a client without a pool. The refresher aborts a run that takes
/// all of its timeout, and its failure says no more than that; a budget ends each step within nine
/// tenths of the timeout and names it.
///
/// ```
/// use std::time::Duration;
///
/// use tower_health::indicators::Budget;
/// use tower_health::{Failure, HealthIndicator, Observation, indicator_fn};
/// # async fn connect() -> Result<(), std::io::Error> { Ok(()) }
/// # async fn ping() -> Result<(), std::io::Error> { Ok(()) }
///
/// const TIMEOUT: Duration = Duration::from_secs(2);
///
/// fn broker() -> impl HealthIndicator {
///     indicator_fn("broker", async || {
///         let budget = Budget::start(TIMEOUT);
///         budget.within("cannot connect to mq:5672", connect()).await??;
///         budget.within("mq:5672 does not answer", ping()).await??;
///         Ok::<_, Failure>(Observation::pass())
///     })
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    started_at: Instant,
    total: Duration,
}

impl Budget {
    /// Starts the time of a run with this timeout: that of the check, by default 1 s. The steps get
    /// nine tenths of it.
    ///
    /// A timeout of more than a year counts as one of a year, the most that
    /// [`start()`](crate::HealthBuilder::start) allows.
    pub fn start(timeout: Duration) -> Self {
        Self {
            started_at: Instant::now(),
            total: timeout.min(LONGEST) / 10 * 9,
        }
    }

    /// Returns the time that has passed.
    pub fn spent(&self) -> Duration {
        self.started_at.elapsed()
    }

    /// Returns the time that is left for the steps.
    pub fn left(&self) -> Duration {
        self.total.saturating_sub(self.spent())
    }

    /// Waits for a step until the time is used up.
    ///
    /// # Errors
    ///
    /// Returns a failure if the step takes longer: `{step}: no answer within 1.2 s`, with the time
    /// that the step had.
    pub async fn within<F: Future>(
        &self,
        step: impl Display,
        future: F,
    ) -> Result<F::Output, Failure> {
        self.within_share(self.total, step, future).await
    }

    /// Waits for a step until `share` has passed since the start of the run, or the time is used up.
    ///
    /// # Errors
    ///
    /// Returns a failure if the step takes longer, as [`within`](Self::within) does.
    pub async fn within_share<F: Future>(
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
