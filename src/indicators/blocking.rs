//! A blocking function as an indicator, on the blocking pool.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::spawn_blocking;

use crate::{CheckResult, Failure, HealthIndicator, Observation};

/// Makes an indicator from a blocking function: a file system call, a synchronous client.
///
/// It runs on tokio's blocking pool. A thread cannot be aborted: after a timeout the function goes
/// on, and as long as it does, each further run fails with "previous run still going" instead of
/// starting a second one. A function that never returns also keeps the runtime from ending: call
/// `Runtime::shutdown_background`, or end the process.
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
        running: Arc::default(),
    }
}

/// Indicator made by [`blocking_indicator_fn`].
pub struct BlockingFnIndicator<F> {
    name: String,
    function: Arc<F>,
    running: Arc<AtomicBool>,
}

/// Held by the closure on the blocking pool, so that the flag falls when the closure ends, panics
/// or is thrown away before it ran.
struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
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
        if self.running.swap(true, Ordering::Acquire) {
            return Err(Failure::new("previous run still going"));
        }
        let running = Running(Arc::clone(&self.running));
        let function = Arc::clone(&self.function);
        let run = spawn_blocking(move || {
            let _running = running;
            function().map(Into::into).map_err(Into::into)
        });
        run.await
            .unwrap_or_else(|error| match error.try_into_panic() {
                Ok(payload) => resume_unwind(payload),
                Err(_) => Err(Failure::new("the blocking pool has shut down")),
            })
    }
}

impl<F> fmt::Debug for BlockingFnIndicator<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingFnIndicator")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
