//! An async function as an indicator.

use std::fmt;
use std::future::Future;

use crate::{CheckResult, Failure, HealthIndicator, Observation};

/// Makes an indicator from an async function or closure.
///
/// The function returns `Ok(())` or an [`Observation`]; its error is any error type, a text or a
/// [`Failure`].
///
/// ```
/// use tower_health::{Health, indicator_fn};
///
/// async fn ping() -> Result<(), std::io::Error> {
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let health = Health::builder().readiness(indicator_fn("db", ping)).start()?;
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
///
/// # What it sends
///
/// What the function sends, once in each run, and each instance does: at a TTL of 5 s 500 instances
/// send 100 a second. A run that times out drops the future at its await point.
///
/// # Verdicts
///
/// - **pass**: the function returns `Ok(())`, or an observation that passes.
/// - **warn**: it returns an observation that warns.
/// - **fail**: it returns an error, panics, or does not return within the timeout.
///
/// # What it cannot see
///
/// Which step of the function hangs: the failure is then that of the timeout. A
/// [`Budget`](crate::indicators::Budget) names it.
///
/// # Defaults
///
/// Critical, no readings but those of the observation; timeout and TTL are those of the
/// [`HealthConfig`](crate::HealthConfig).
pub fn indicator_fn<F, Fut, T, E>(name: impl Into<String>, function: F) -> FnIndicator<F>
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send,
    T: Into<Observation>,
    E: Into<Failure>,
{
    FnIndicator {
        name: name.into(),
        function,
    }
}

/// Runs an async function as a check; made by [`indicator_fn`].
#[derive(Clone)]
pub struct FnIndicator<F> {
    name: String,
    function: F,
}

impl<F, Fut, T, E> HealthIndicator for FnIndicator<F>
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send,
    T: Into<Observation>,
    E: Into<Failure>,
{
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        (self.function)().await.map(Into::into).map_err(Into::into)
    }
}

impl<F> fmt::Debug for FnIndicator<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnIndicator")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
