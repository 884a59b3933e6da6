//! A dead man's switch: who is watched says that it is well, again and again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use humantime::format_duration;
use tokio::time::Instant;

use crate::indicators::IndicatorError;
use crate::indicators::shared::findings::rounded;
use crate::{CheckResult, Failure, HealthIndicator, Observation};

/// Fails when nobody said within a time that all is well.
///
/// For what cannot be asked and reports by itself: a nightly job, a consumer of a queue, another
/// process that calls an endpoint of this one. Each push says pass, warn or fail, which holds for
/// the time to live of a push; after that the check fails with the last text. Before the first push
/// it fails with "no push yet". Clones are handles to the same state, and each method may be called
/// from any thread.
///
/// A run costs nothing. Critical; timeout and TTL are those of the
/// [`HealthConfig`](crate::HealthConfig). Reading: `lastPush`, the age of the last push, in `s`.
///
/// A loop of this process whose end should restart the process is watched by a
/// [`Heartbeat`](crate::Heartbeat) instead, which fails liveness.
///
/// ```
/// use std::time::Duration;
/// use tower_health::Health;
/// use tower_health::indicators::PushIndicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let import = PushIndicator::new("import", Duration::from_secs(90))?;
/// let health = Health::builder().readiness(import.clone()).start()?;
///
/// // Wherever the import runs, at least every 90 s:
/// import.pass();
/// # health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PushIndicator(Arc<State>);

struct State {
    name: String,
    time_to_live: Duration,
    last: Mutex<Option<(Instant, CheckResult)>>,
}

impl PushIndicator {
    /// Waits for a push at least once in this time.
    ///
    /// # Errors
    ///
    /// When the time is zero.
    pub fn new(name: impl Into<String>, time_to_live: Duration) -> Result<Self, IndicatorError> {
        let name = name.into();
        if time_to_live.is_zero() {
            let fault = "must be longer than zero";
            return Err(IndicatorError::new(&name, "time_to_live", fault));
        }
        Ok(Self(Arc::new(State {
            name,
            time_to_live,
            last: Mutex::new(None),
        })))
    }

    /// Says that all is well.
    pub fn pass(&self) {
        self.push(Ok(Observation::pass()));
    }

    /// Says that it works, but that somebody should look at it.
    pub fn warn(&self, output: impl Into<String>) {
        self.push(Ok(Observation::warn(output)));
    }

    /// Says that it does not work.
    pub fn fail(&self, output: impl Into<String>) {
        self.push(Err(Failure::new(output)));
    }

    /// Pushes this result, readings included.
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
}

/// No age in the text, so that it stays the same for as long as nobody pushes.
fn overdue(time_to_live: Duration, last: &CheckResult) -> Failure {
    let said = match last {
        Err(failure) => format!("failed: {failure}"),
        Ok(observation) => match observation.output() {
            Some(output) => format!("warned: {output}"),
            None => "passed".to_owned(),
        },
    };
    let time_to_live = format_duration(time_to_live);
    Failure::new(format!("no push for {time_to_live}; the last one {said}"))
}

impl fmt::Debug for PushIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushIndicator")
            .field("name", &self.0.name)
            .field("time_to_live", &self.0.time_to_live)
            .finish_non_exhaustive()
    }
}
