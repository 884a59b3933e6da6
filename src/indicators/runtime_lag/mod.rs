//! How far behind tokio runtimes are.

mod ticker;

use std::sync::Arc;
use std::time::Duration;

use humantime::format_duration;
use tokio::runtime::Handle;

use self::ticker::{Lag, Watched};
use crate::indicators::IndicatorError;
use crate::indicators::shared::findings::{Findings, rounded};
use crate::indicators::shared::limits::Beyond;
use crate::{CheckResult, ComponentType, HealthIndicator, Observation};

/// Fails when more than half of the tokio runtimes of the process are too busy to come round.
///
/// On each runtime that it [watches](Self::watch) a task sets a timer again and again. How late the
/// timer was is the *lag* of the runtime: the time that any task there waits for its turn. A
/// runtime that is blocked does not come round to report that, so a timer that is overdue now
/// counts as well. Runtimes report by atomics; a run reads them and waits for nobody.
///
/// For servers with a runtime for each core, or one for the application and one for its
/// administration. A runtime is busy when its lag is above 500 ms; the check fails when more than
/// half of the runtimes are busy and warns when any is: see [`limits`](Self::limits). A runtime
/// that has ended no longer counts. One that was never driven, or has no timer, counts as busy.
///
/// Start the [`Health`](crate::Health) on a runtime that is not expected to be blocked, that of the
/// administration for instance. If its own runtime is the one that is blocked no check runs at
/// all, and after [`stale_after`](crate::Check::stale_after) readiness fails wherever it is asked:
/// a snapshot that nobody renews expires by itself. Liveness is not touched by any of this.
///
/// Of a runtime with several threads it sees whether a task gets a turn on any of them; that one
/// thread is blocked while others steal its tasks is no lag.
///
/// A watched runtime is woken ten times a second; see [`interval`](Self::interval). Critical,
/// component type `system`; timeout and TTL are those of the
/// [`HealthConfig`](crate::HealthConfig). Readings: `lag` of the runtime that is furthest behind,
/// in `ms`; `runtimes` and `busyRuntimes`, in `runtimes`.
///
/// ```
/// use tokio::runtime::Handle;
/// use tower_health::Health;
/// use tower_health::indicators::RuntimeLagIndicator;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let lag = RuntimeLagIndicator::new("runtime-lag");
/// lag.watch("app", &Handle::current());
/// // And, wherever they are started: lag.watch("worker-0", &handle);
///
/// let health = Health::builder().readiness(lag).start()?;
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RuntimeLagIndicator {
    name: String,
    busy_above: Duration,
    /// The share of the runtimes that may be busy, from 0 to 1.
    most_busy: f64,
    interval: Duration,
    watched: Arc<Watched>,
}

impl RuntimeLagIndicator {
    /// Watches no runtime yet, about which it warns.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            busy_above: Duration::from_millis(500),
            most_busy: 0.5,
            interval: Duration::from_millis(100),
            watched: Arc::default(),
        }
    }

    /// Takes a runtime for busy while its lag is above `busy_above`, and fails while more than the
    /// share `most_busy` of the runtimes is busy: 0 means that one is too many. Default: 500 ms and
    /// 0.5, so that one of two or one of eight only warns.
    ///
    /// # Errors
    ///
    /// When the lag is zero, or the share is not from 0 up to but without 1.
    pub fn limits(mut self, busy_above: Duration, most_busy: f64) -> Result<Self, IndicatorError> {
        if busy_above.is_zero() {
            let fault = "must be longer than zero";
            return Err(IndicatorError::new(&self.name, "busy_above", fault));
        }
        if !(0.0..1.0).contains(&most_busy) {
            let fault = format!("must be from 0 up to but without 1, not {most_busy}");
            return Err(IndicatorError::new(&self.name, "most_busy", fault));
        }
        self.busy_above = busy_above;
        self.most_busy = most_busy;
        Ok(self)
    }

    /// Wakes the runtimes that are watched from now on this often. Default: 100 ms.
    ///
    /// # Errors
    ///
    /// When it is shorter than the 1 ms by which tokio's timers go.
    pub fn interval(mut self, interval: Duration) -> Result<Self, IndicatorError> {
        if interval < Duration::from_millis(1) {
            let fault = "must be at least 1ms, by which tokio's timers go";
            return Err(IndicatorError::new(&self.name, "interval", fault));
        }
        self.interval = interval;
        Ok(self)
    }

    /// Watches a runtime, under a name for the text of a failure, until it ends or every clone of
    /// this indicator is dropped.
    ///
    /// Its timer must be enabled.
    pub fn watch(&self, runtime: impl Into<String>, handle: &Handle) {
        self.watched.start(runtime.into(), handle, self.interval);
    }
}

impl HealthIndicator for RuntimeLagIndicator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        let lags = self.watched.lags();
        let Some(worst) = lags.first() else {
            return Ok(Observation::warn("no runtime is watched"));
        };
        let busy = lags.partition_point(|lag| lag.time > self.busy_above);
        let mut findings = Findings::default();
        findings.reading("lag", rounded(worst.time.as_secs_f64() * 1e3), "ms");
        findings.reading("runtimes", lags.len(), "runtimes");
        findings.reading("busyRuntimes", busy, "runtimes");
        let beyond = match busy as f64 / lags.len() as f64 {
            share if share > self.most_busy => Some(Beyond::Fail(self.most_busy)),
            _ if busy > 0 => Some(Beyond::Warn(0.0)),
            _ => None,
        };
        findings.judged(beyond, |_| self.told(&lags, busy));
        findings.result()
    }

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::System)
    }
}

impl RuntimeLagIndicator {
    fn told(&self, lags: &[Lag], busy: usize) -> String {
        let busy_above = format_duration(self.busy_above);
        let count = lags.len();
        let mut worst: Vec<_> = lags[..busy]
            .iter()
            .take(NAMED)
            .map(Lag::to_string)
            .collect();
        if busy > NAMED {
            worst.push(format!("and {} more", busy - NAMED));
        }
        let worst = worst.join(", ");
        format!("{busy} of {count} runtimes lag by more than {busy_above}: {worst}")
    }
}

/// How many runtimes a text names.
const NAMED: usize = 8;
