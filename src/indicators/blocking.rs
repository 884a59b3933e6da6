//! A blocking function as an indicator, run on the blocking pool.

use std::fmt;
use std::sync::Arc;

use super::shared::blocking::BlockingSlot;
use crate::{CheckResult, Failure, HealthIndicator, Observation};

/// Makes an indicator from a blocking function: a file system call, a synchronous client.
///
/// The function runs on tokio's blocking pool. A thread cannot be aborted: after a timeout the
/// function keeps running, and until it ends each further run fails with "previous run still going"
/// instead of starting a second thread. A function that never returns also keeps the runtime from
/// shutting down: call `Runtime::shutdown_background`, or exit the process.
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
