//! An indicator that says what it was told.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{CheckResult, Failure, HealthIndicator, Observation};

/// Says what it was set to, by the application or by an operator.
///
/// It passes until it is set; one that has to be set first is set before it is registered. Clones
/// are handles to the same state, and each method may be called from any thread. What was set is
/// seen by the next run, at most one TTL later.
///
/// A run costs nothing. Critical, no readings; timeout and TTL are those of the
/// [`HealthConfig`](crate::HealthConfig). To stop traffic before the process ends there is
/// [`Health::drain`](crate::Health::drain).
///
/// ```
/// use tower_health::Health;
/// use tower_health::indicators::SettableIndicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let maintenance = SettableIndicator::new("maintenance");
/// let health = Health::builder().readiness(maintenance.clone()).start()?;
/// health.await_ready().await?;
///
/// maintenance.fail("the warehouse is being moved until 14:00");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SettableIndicator(Arc<State>);

struct State {
    name: String,
    result: Mutex<CheckResult>,
}

impl SettableIndicator {
    /// Passes until it is set.
    pub fn new(name: impl Into<String>) -> Self {
        Self(Arc::new(State {
            name: name.into(),
            result: Mutex::new(Ok(Observation::pass())),
        }))
    }

    /// Passes from now on.
    pub fn pass(&self) {
        self.set(Ok(Observation::pass()));
    }

    /// Warns from now on.
    pub fn warn(&self, output: impl Into<String>) {
        self.set(Ok(Observation::warn(output)));
    }

    /// Fails from now on.
    pub fn fail(&self, output: impl Into<String>) {
        self.set(Err(Failure::new(output)));
    }

    /// Has this result from now on, readings included.
    pub fn set(&self, result: CheckResult) {
        *self.0.result.lock().unwrap_or_else(PoisonError::into_inner) = result;
    }

    /// What it is set to.
    pub fn get(&self) -> CheckResult {
        let result = self.0.result.lock();
        result.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl HealthIndicator for SettableIndicator {
    fn name(&self) -> &str {
        &self.0.name
    }

    async fn check(&self) -> CheckResult {
        self.get()
    }
}

impl fmt::Debug for SettableIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettableIndicator")
            .field("name", &self.0.name)
            .field("result", &self.get())
            .finish()
    }
}
