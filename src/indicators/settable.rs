//! An indicator whose result the application sets.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{CheckResult, Failure, HealthIndicator, Observation};

/// Reports the result that the application or an operator has set.
///
/// To stop traffic before the process exits, use [`Health::drain`](crate::Health::drain) instead.
///
/// Clones are handles to the same state, and all methods can be called from any thread.
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
///
/// # What it sends
///
/// Nothing. A run takes a lock and copies the result. 500 instances cost other machines nothing.
///
/// # Verdicts
///
/// The one that was set last: **pass**, **warn** or **fail**. It passes until it is set; to start in
/// another state, set it before you register it. The next run sees the new result, at most one TTL
/// later.
///
/// # What it cannot see
///
/// Whether the result still holds: it stays until it is set again, however long ago that was. For a
/// result that expires see [`PushIndicator`](super::PushIndicator). Nothing of it survives a restart.
///
/// # Defaults
///
/// Critical, no readings; timeout and TTL are those of the [`HealthConfig`](crate::HealthConfig).
#[derive(Clone)]
pub struct SettableIndicator(Arc<State>);

struct State {
    name: String,
    result: Mutex<CheckResult>,
}

impl SettableIndicator {
    /// Creates an indicator that passes until it is set.
    pub fn new(name: impl Into<String>) -> Self {
        Self(Arc::new(State {
            name: name.into(),
            result: Mutex::new(Ok(Observation::pass())),
        }))
    }

    /// Sets the result to pass.
    pub fn pass(&self) {
        self.set(Ok(Observation::pass()));
    }

    /// Sets the result to a warning with this text.
    pub fn warn(&self, output: impl Into<String>) {
        self.set(Ok(Observation::warn(output)));
    }

    /// Sets the result to a failure with this text.
    pub fn fail(&self, output: impl Into<String>) {
        self.set(Err(Failure::new(output)));
    }

    /// Sets this result, including its readings.
    pub fn set(&self, result: CheckResult) {
        *self.0.result.lock().unwrap_or_else(PoisonError::into_inner) = result;
    }

    /// Returns the result that is set.
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
