//! The scheduling delay of tokio runtimes.

mod history;
mod ticker;

use std::sync::Arc;
use std::time::Duration;

use humantime::format_duration;
use tokio::runtime::Handle;
use tokio::time::sleep;

use self::ticker::{Lag, State, Watched};
use crate::indicators::shared::config;
use crate::indicators::shared::findings::{Findings, rounded};
use crate::indicators::shared::limits::Beyond;
use crate::{CheckResult, ComponentType, HealthIndicator, Observation};

/// Checks the lag of tokio runtimes: how long a task waits until its runtime polls it.
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
/// // And wherever other runtimes start: lag.watch("worker-0", &handle);
///
/// let health = Health::builder().readiness(lag).start()?;
/// health.await_ready().await?;
/// # Ok(())
/// # }
/// ```
///
/// # What it sends
///
/// Nothing. On each [watched](Self::watch) runtime a task re-arms a timer, ten times a second (see
/// [`interval`](Self::interval)), and notes how late it fires. A run reads these notes and waits for
/// no runtime. 500 instances cost other machines nothing.
///
/// # Verdicts
///
/// A timer is late if it fires more than 500 ms ([`busy_above`](Self::busy_above)) after it should.
/// A runtime is *busy*
///
/// - while its timer is late and has not fired yet, since a blocked runtime cannot report; or
/// - after two late timers that lie no more than 5 s ([`window`](Self::window)) apart, until there was
///   none for as long. A runtime that is blocked for 700 ms of each second stays busy between.
///
/// The check fails while more than half of the runtimes are busy
/// ([`fail_above`](Self::fail_above)), and warns while any is. It also warns for 5 s after a single
/// late timer, which takes no traffic away: that was a hiccup, or the whole process was paused, and
/// it is over. For the same reason a timer that is late now has one more interval to fire before it
/// counts: a process that goes on after a pause may run the check first.
///
/// A runtime that has shut down no longer counts. A runtime that was never driven, or has no timer,
/// is busy. An indicator that watches none warns. The indicator suits servers with a runtime per
/// core, or with separate runtimes for application and administration.
///
/// # What it cannot see
///
/// A multi-thread runtime has no lag as long as one of its threads can run tasks, even if another
/// thread is blocked. If the runtime of [`Health`](crate::Health) itself is blocked, no check runs at
/// all; readiness then fails after [`stale_after`](crate::Check::stale_after), because the snapshot
/// expires. So start `Health` on a runtime that you do not expect to block, such as that of the
/// administration. Why a runtime is late: code that blocks it, a starved host and a pause look the
/// same. None of this affects liveness.
///
/// # Defaults
///
/// Critical, component type `system`; timeout and TTL are those of the
/// [`HealthConfig`](crate::HealthConfig). Readings: `lag` of the slowest runtime, the longest of the
/// window, in `ms`; `runtimes` and `busyRuntimes`, in `runtimes`.
///
/// The default limits mean that most runtimes make requests wait for more than half a second again
/// and again. A healthy service blocks no runtime for as long, however large and loaded it is; what
/// it must compute for longer belongs on other threads.
#[derive(Clone, Debug)]
#[must_use = "an indicator does nothing until it is registered"]
pub struct RuntimeLagIndicator {
    name: String,
    busy_above: Duration,
    /// The share of the runtimes, from 0 up to but not including 1.
    fail_above: f64,
    interval: Duration,
    window: Duration,
    watched: Arc<Watched>,
}

impl RuntimeLagIndicator {
    /// Creates an indicator that watches no runtime yet; until it does, it warns.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            busy_above: Duration::from_millis(500),
            fail_above: 0.5,
            interval: Duration::from_millis(100),
            window: Duration::from_secs(5),
            watched: Arc::default(),
        }
    }

    /// Treats a timer as late that fires more than this after it should, which must not be zero.
    /// Default: 500 ms.
    pub fn busy_above(mut self, lag: Duration) -> Self {
        self.busy_above = lag;
        self
    }

    /// Fails while more than this share of the runtimes is busy. Default: 0.5, so that one busy
    /// runtime of two only warns.
    ///
    /// The range is 0 up to but not including 1. With 0 the check fails while any runtime is busy.
    pub fn fail_above(mut self, share: f64) -> Self {
        self.fail_above = share;
        self
    }

    /// Sets how often a runtime that is [watched](Self::watch) later wakes. Default: 100 ms.
    ///
    /// The range is 1 ms, the resolution of tokio's timers, to 1 s, since a run may have to wait for
    /// one interval, and at most the [`window`](Self::window).
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets how long a late timer counts. Default: 5 s.
    ///
    /// It must be longer than zero and at least the [`interval`](Self::interval), and should be at
    /// least the TTL of the check: what comes and goes between two runs is then seen by one of them.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Watches a runtime until it shuts down or every clone of this indicator is dropped.
    ///
    /// Failures name the runtime by `runtime`. Its timer must be enabled.
    pub fn watch(&self, runtime: impl Into<String>, handle: &Handle) {
        let interval = self.interval.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL);
        self.watched.start(runtime.into(), handle, interval);
    }
}

impl HealthIndicator for RuntimeLagIndicator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self) -> CheckResult {
        config::validated(self)?;
        let mut lags = self.lags();
        if lags.iter().any(|lag| lag.state == State::Overdue) {
            sleep(self.interval).await;
            lags = self.lags();
        }
        let Some(worst) = lags.iter().map(|lag| lag.time).max() else {
            return Ok(Observation::warn("no runtime is watched"));
        };
        let busy = lags.partition_point(Lag::is_busy);
        let behind = lags.partition_point(|lag| lag.state != State::OnTime);
        let mut findings = Findings::default();
        findings.reading("lag", rounded(worst.as_secs_f64() * 1e3), "ms");
        findings.reading("runtimes", lags.len(), "runtimes");
        findings.reading("busyRuntimes", busy, "runtimes");
        let beyond = match busy as f64 / lags.len() as f64 {
            share if share > self.fail_above => Some(Beyond::Fail(self.fail_above)),
            _ if behind > 0 => Some(Beyond::Warn(0.0)),
            _ => None,
        };
        findings.limit(beyond, |_| self.describe(&lags, busy, behind));
        findings.result()
    }

    fn config_error(&self) -> Option<String> {
        let busy_above = self.busy_above.is_zero();
        let fail_above = !(0.0..1.0).contains(&self.fail_above);
        let intervals = SHORTEST_INTERVAL..=LONGEST_INTERVAL;
        let interval = !intervals.contains(&self.interval);
        let window = self.window.is_zero();
        let never_two = !interval && !window && self.interval > self.window;
        config::join([
            busy_above.then(|| "busy_above must be longer than zero".to_owned()),
            fail_above.then(|| {
                let share = self.fail_above;
                format!("fail_above must be from 0 up to but not including 1, not {share}")
            }),
            interval.then(|| {
                let interval = format_duration(self.interval);
                format!("interval must be from 1ms to 1s, not {interval}")
            }),
            window.then(|| "window must be longer than zero".to_owned()),
            never_two.then(|| {
                let interval = format_duration(self.interval);
                let window = format_duration(self.window);
                format!(
                    "interval is {interval}, which is longer than window at {window}: no two late \
                     timers would lie within it"
                )
            }),
        ])
    }

    fn component_type(&self) -> Option<ComponentType> {
        Some(ComponentType::System)
    }
}

impl RuntimeLagIndicator {
    fn lags(&self) -> Vec<Lag> {
        self.watched.lags(self.busy_above, self.window)
    }

    /// `busy` of the runtimes are so, which come first, and `behind` of them are or were.
    fn describe(&self, lags: &[Lag], busy: usize, behind: usize) -> String {
        let busy_above = format_duration(self.busy_above);
        let count = lags.len();
        let named = if busy > 0 { busy } else { behind };
        let mut worst: Vec<_> = lags[..named]
            .iter()
            .take(NAMED)
            .map(Lag::to_string)
            .collect();
        if named > NAMED {
            worst.push(format!("and {} more", named - NAMED));
        }
        let worst = worst.join(", ");
        if busy > 0 {
            format!("{busy} of {count} runtimes lag by more than {busy_above}: {worst}")
        } else {
            let window = format_duration(self.window);
            format!(
                "{behind} of {count} runtimes lagged once by more than {busy_above} in the last \
                 {window}: {worst}"
            )
        }
    }
}

/// How many runtimes a text names.
const NAMED: usize = 8;

/// The resolution of tokio's timers.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

/// A run that waits for one is still well within the default timeout.
const LONGEST_INTERVAL: Duration = Duration::from_secs(1);
