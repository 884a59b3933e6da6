//! A blocking function as an indicator, run on the blocking pool.

use std::fmt;
use std::sync::Arc;

use super::shared::blocking::BlockingSlot;
use crate::{CheckResult, Failure, HealthIndicator, Observation};

/// Makes an indicator from a blocking function: a file system call, a synchronous client.
///
/// ```
/// use tower_health::{Health, blocking_indicator_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let disk = blocking_indicator_fn("data-dir", || std::fs::metadata("/").map(drop));
/// let health = Health::builder().readiness(disk).start()?;
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
///
/// # What it sends
///
/// What the function sends, once in each run, and each instance does: at a TTL of 5 s 500 instances
/// send 100 a second. The function runs on tokio's blocking pool, on one thread at most. A thread
/// cannot be aborted: after a timeout the function keeps running. One that never returns also keeps
/// the runtime from shutting down: call `Runtime::shutdown_background`, or exit the process.
///
/// # Verdicts
///
/// - **pass**: the function returns `Ok(())`, or an observation that passes.
/// - **warn**: it returns an observation that warns.
/// - **fail**: it returns an error, panics, or does not return within the timeout. Until it does, each
///   further run fails with "previous run still going" instead of starting a second thread; and with
///   "tokio's blocking pool has no free thread" if it has not begun.
///
/// # What it cannot see
///
/// Which step of the function hangs. Give its own calls a timeout that is shorter than that of the
/// check.
///
/// # Defaults
///
/// Critical, no readings but those of the observation; timeout and TTL are those of the
/// [`HealthConfig`](crate::HealthConfig).
pub fn blocking_indicator_fn<F, T, E>(
    name: impl Into<String>,
    function: F,
) -> BlockingFnIndicator<F>
where
    F: Fn() -> Result<T, E> + Send + Sync + 'static,
    T: Into<Observation>,
    E: Into<Failure>,
{
    BlockingFnIndicator {
        name: name.into(),
        function: Arc::new(function),
        slot: BlockingSlot::default(),
    }
}

/// Runs a blocking function as a check; made by [`blocking_indicator_fn`].
pub struct BlockingFnIndicator<F> {
    name: String,
    function: Arc<F>,
    slot: BlockingSlot,
}

impl<F, T, E> HealthIndicator for BlockingFnIndicator<F>
where
    F: Fn() -> Result<T, E> + Send + Sync + 'static,
    T: Into<Observation>,
    E: Into<Failure>,
{
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        let function = Arc::clone(&self.function);
        self.slot
            .run(move || function().map(Into::into).map_err(Into::into))
            .await?
    }
}

impl<F> fmt::Debug for BlockingFnIndicator<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingFnIndicator")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
