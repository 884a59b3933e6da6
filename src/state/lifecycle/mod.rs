//! The lifecycle of the process: startup, heartbeats, drain, two switches, and the refresher.
//!
//! Every part is read at request time without a lock. The handles in `crate::lifecycle` write it.

mod drain;
mod heartbeats;
mod refresher;
mod startup;
mod switch;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use self::drain::DrainLatch;
#[cfg(feature = "signal")]
pub(crate) use self::drain::Shutdown;
pub(crate) use self::drain::Stage;
pub(crate) use self::heartbeats::HeartbeatCell;
use self::heartbeats::Heartbeats;
pub(crate) use self::refresher::NOTICEABLE;
use self::refresher::RefresherCell;
pub(crate) use self::startup::GateCell;
use self::startup::StartupLatch;
use self::switch::Switch;
use super::clock::{self, Epoch};
use crate::model::{LifecycleView, Redactor, RefresherState};

#[derive(Debug)]
pub(crate) struct LifecycleState {
    pub(crate) startup: StartupLatch,
    pub(crate) heartbeats: Heartbeats,
    pub(crate) drain: DrainLatch,
    pub(crate) refresher: RefresherCell,
    /// On while only a restart helps.
    broken: Switch,
    /// On while the application refuses traffic.
    refusing: Switch,
    pub(crate) redactor: Redactor,
    version: AtomicU64,
    /// Wakes the refresher, which publishes the change. One pending message is enough.
    changed: mpsc::Sender<()>,
}

impl LifecycleState {
    /// Startup is complete as soon as every gate is completed and every startup check has passed.
    pub(crate) fn new(
        gates: Vec<String>,
        startup_checks: usize,
        epoch: Instant,
        drain_delay: Duration,
        lateness_bound: Duration,
        redactor: Redactor,
        changed: mpsc::Sender<()>,
    ) -> Self {
        Self {
            redactor,
            startup: StartupLatch::new(gates, startup_checks),
            heartbeats: Heartbeats::new(Epoch::new(epoch)),
            refresher: RefresherCell::new(Epoch::new(epoch), lateness_bound),
            drain: DrainLatch::new(drain_delay),
            broken: Switch::default(),
            refusing: Switch::default(),
            version: AtomicU64::new(0),
            changed,
        }
    }

    #[inline]
    pub(crate) fn is_alive(&self) -> bool {
        let heartbeats = || self.heartbeats.is_empty() || self.misses_none(clock::now());
        !self.broken.is_on() && !self.refresher.needs_restart(clock::now) && heartbeats()
    }

    fn misses_none(&self, now: Instant) -> bool {
        self.heartbeats.missed(now) == 0
            || self.heartbeats.missed(now - self.refresher.forgiven(now)) == 0
    }

    /// Returns the moment as of which a reader judges heartbeats: earlier than now while the process
    /// may only just have been resumed.
    pub(crate) fn judged_at(&self, now: Instant) -> Instant {
        if self.heartbeats.is_empty() {
            return now;
        }
        now - self.refresher.forgiven(now)
    }

    #[inline]
    pub(crate) fn has_started(&self) -> bool {
        self.startup.is_complete()
    }

    #[inline]
    pub(crate) fn is_draining(&self) -> bool {
        self.drain.start().is_some()
    }

    /// Returns whether the process takes traffic, whatever its checks report.
    #[inline]
    pub(crate) fn takes_traffic(&self) -> bool {
        self.has_started() && !self.is_draining() && !self.refusing.is_on()
    }

    /// Returns whether the process can never take traffic again.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_draining() || self.startup.has_failed()
    }

    /// Returns the number of changes so far. A change is made before it is counted, and the count is
    /// read before the state, so that a view is never older than its version.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Returns whether a view is older than the latest change, or than a heartbeat that was missed
    /// since, which is no event. Heartbeats are judged as of `judged_at`.
    pub(crate) fn has_changed_since(&self, view: &LifecycleView, judged_at: Instant) -> bool {
        view.version != self.version() || {
            !self.heartbeats.is_empty()
                && view.missed_heartbeats() != self.heartbeats.missed(judged_at)
        }
    }

    /// Returns the lifecycle now, with heartbeats as of `judged_at`.
    pub(crate) fn view(&self, now: Instant, judged_at: Instant) -> LifecycleView {
        LifecycleView {
            version: self.version(),
            started: self.has_started(),
            draining_since: self.drain.start(),
            broken: self.broken.reason(),
            refusing: self.refusing.reason(),
            gates: self.startup.view(),
            heartbeats: self.heartbeats.view(judged_at),
            refresher: self.refresher.view(now),
        }
    }

    /// Sets the reason why only a restart helps, or clears it.
    pub(crate) fn set_broken(&self, reason: Option<String>) {
        self.broken.set(self.redacted(reason));
        self.notify();
    }

    /// Sets the reason why the application refuses traffic, or clears it.
    pub(crate) fn set_refusing(&self, reason: Option<String>) {
        self.refusing.set(self.redacted(reason));
        self.notify();
    }

    /// Fails readiness for good.
    pub(crate) fn start_drain(&self) {
        self.drain.begin(clock::now());
        self.notify();
    }

    /// Fails readiness for good, since the process is about to end.
    pub(crate) fn start_shutdown(&self) {
        self.start_drain();
        self.drain.advance(Stage::Delay);
    }

    /// Records that a startup check passed for the first time, or was removed before it did.
    pub(crate) fn startup_check_done(&self) {
        self.startup.step_done();
        self.notify();
    }

    fn redacted(&self, reason: Option<String>) -> Option<String> {
        reason.map(|reason| self.redactor.prepare(reason))
    }

    /// Records that the refresher completed a turn after it had been away.
    pub(crate) fn refresher_is_back(&self) {
        self.refresher.is_back();
        self.notify();
    }

    /// Records that the refresher panicked or ended.
    pub(crate) fn refresher_is_away(&self, state: RefresherState, renews_results: bool) {
        self.refresher.is_away(state, clock::now(), renews_results);
        self.notify();
    }

    /// Counts a change, and wakes the refresher.
    pub(crate) fn notify(&self) {
        self.version.fetch_add(1, Ordering::Release);
        // If the channel is full, the refresher has yet to look and will see this change too. If it
        // is closed, the refresher has ended.
        let _ = self.changed.try_send(());
    }
}
