//! A dead man's switch: a component pushes its own result at intervals.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use humantime::format_duration;
use tokio::time::Instant;

use super::shared::config;
use super::shared::findings::rounded;
use crate::{CheckResult, Failure, HealthIndicator, Observation};

/// Checks that a component has pushed a result within a time to live.
///
/// It suits components that report by themselves: a nightly job, a queue consumer, another process
/// that calls an endpoint of this one. A loop of this process whose end should restart the process
/// needs a [`Heartbeat`](crate::Heartbeat) instead, which fails liveness.
///
/// Clones are handles to the same state, and all methods can be called from any thread.
///
/// ```
/// use std::time::Duration;
/// use tower_health::Health;
/// use tower_health::indicators::PushIndicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let import = PushIndicator::new("import", Duration::from_secs(90));
/// let health = Health::builder().readiness(import.clone()).start()?;
///
/// // Wherever the import runs, at least every 90 s:
/// import.pass();
/// # health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
///
/// # What it sends
///
/// Nothing. A run takes a lock and copies the result; a push takes the same lock. 500 instances cost
/// other machines nothing.
///
/// # Verdicts
///
/// - **pass**, **warn**: the last push says so, and is no older than the time to live.
/// - **fail**: the last push says so; it is older than the time to live, and then the failure has its
///   text too; or there was none yet.
///
/// The next run sees a push, at most one TTL later.
///
/// # What it cannot see
///
/// Whether a push is true: a component that pushes from a timer of its own pushes on while its work
/// hangs. Push where the work is done.
///
/// # Defaults
///
/// Critical; timeout and TTL are those of the [`HealthConfig`](crate::HealthConfig). Reading:
/// `lastPush`, the age of the last push, in `s`. The time to live has no default.
#[derive(Clone)]
#[must_use = "an indicator does nothing until it is registered"]
pub struct PushIndicator(Arc<State>);

struct State {
    name: String,
    time_to_live: Duration,
    last: Mutex<Option<(Instant, CheckResult)>>,
}

impl PushIndicator {
    /// Creates an indicator whose pushes hold for this long, which must not be zero.
    pub fn new(name: impl Into<String>, time_to_live: Duration) -> Self {
        Self(Arc::new(State {
            name: name.into(),
            time_to_live,
            last: Mutex::new(None),
        }))
    }

    /// Pushes a pass.
    pub fn pass(&self) {
        self.push(Ok(Observation::pass()));
    }

    /// Pushes a warning: the component works, but needs attention.
    pub fn warn(&self, output: impl Into<String>) {
        self.push(Ok(Observation::warn(output)));
    }

    /// Pushes a failure.
    pub fn fail(&self, output: impl Into<String>) {
        self.push(Err(Failure::new(output)));
    }

    /// Pushes this result, including its readings.
    pub fn push(&self, result: CheckResult) {
        let last = Some((Instant::now(), result));
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
    }

    fn last(&self) -> Option<(Instant, CheckResult)> {
        let last = self.0.last.lock();
        last.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl HealthIndicator for PushIndicator {
    fn name(&self) -> &str {
        &self.0.name
    }

    async fn check(&self) -> CheckResult {
        config::validated(self)?;
        let Some((pushed_at, result)) = self.last() else {
            return Err(Failure::new("no push yet"));
        };
        let age = pushed_at.elapsed();
        let time_to_live = self.0.time_to_live;
        let result = match age < time_to_live {
            true => result,
            false => Err(overdue(time_to_live, &result)),
        };
        let age = rounded(age.as_secs_f64());
        match result {
            Ok(observation) => Ok(observation.measurement("lastPush", age, "s")),
            Err(failure) => Err(failure.measurement("lastPush", age, "s")),
        }
    }

    fn config_error(&self) -> Option<String> {
        let is_zero = self.0.time_to_live.is_zero();
        is_zero.then(|| "time_to_live must be longer than zero".to_owned())
    }
}

/// The text has no age, so that it does not change from run to run.
fn overdue(time_to_live: Duration, last: &CheckResult) -> Failure {
    let last = match last {
        Err(failure) => format!("failed: {failure}"),
        Ok(observation) => match observation.output() {
            Some(output) => format!("warned: {output}"),
            None => "passed".to_owned(),
        },
    };
    let time_to_live = format_duration(time_to_live);
    Failure::new(format!("no push for {time_to_live}; the last one {last}"))
}

impl fmt::Debug for PushIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushIndicator")
            .field("name", &self.0.name)
            .field("time_to_live", &self.0.time_to_live)
            .finish_non_exhaustive()
    }
}
