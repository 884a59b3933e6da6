//! What the process itself decides: startup gates, heartbeats, drain, and two switches.
//!
//! Every part is read at request time, without a lock.

mod drain;
mod gate;
mod heartbeat;
mod switch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use self::drain::Drain;
pub(crate) use self::drain::{capped, drain};
#[cfg(feature = "grpc")]
pub(crate) use self::drain::{delay_over, first_of, is_delay_over};
pub use self::gate::Gate;
use self::gate::Startup;
pub use self::heartbeat::Heartbeat;
use self::heartbeat::Heartbeats;
use self::switch::Switch;
use crate::clock;
use crate::error::Problem;
use crate::model::{LifecycleView, Redactor};

#[derive(Debug)]
pub(crate) struct Lifecycle {
    pub(crate) startup: Startup,
    heartbeats: Heartbeats,
    drain: Drain,
    /// On while only a restart helps.
    broken: Switch,
    /// On while no traffic is wanted.
    refusing: Switch,
    redactor: Redactor,
    version: AtomicU64,
    /// Wakes the refresher, which tells everybody else. One message waiting is enough.
    changed: mpsc::Sender<()>,
}

impl Lifecycle {
    /// Starts as soon as every gate is complete and every startup check has passed.
    pub(crate) fn new(
        gates: Vec<String>,
        startup_checks: usize,
        epoch: Instant,
        drain_delay: Duration,
        redactor: Redactor,
        changed: mpsc::Sender<()>,
    ) -> Self {
        Self {
            redactor,
            startup: Startup::new(gates, startup_checks),
            heartbeats: Heartbeats::new(epoch),
            drain: Drain::new(drain_delay),
            broken: Switch::default(),
            refusing: Switch::default(),
            version: AtomicU64::new(0),
            changed,
        }
    }

    #[inline]
    pub(crate) fn is_alive(&self) -> bool {
        !self.broken.is_on() && self.heartbeats.all_beat()
    }

    #[inline]
    pub(crate) fn has_started(&self) -> bool {
        self.startup.is_complete()
    }

    #[inline]
    pub(crate) fn is_draining(&self) -> bool {
        self.drain.start().is_some()
    }

    /// Whether the process itself would take traffic, whatever its checks say.
    #[inline]
    pub(crate) fn takes_traffic(&self) -> bool {
        self.has_started() && !self.is_draining() && !self.refusing.is_on()
    }

    /// Whether it will never take traffic any more, whatever happens.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_draining() || self.startup.has_failed()
    }

    /// Changes are made before they are counted, and the count is read before what it counts: a
    /// view is never older than its version.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(crate) fn view(&self, now: Instant) -> LifecycleView {
        LifecycleView {
            version: self.version(),
            started: self.has_started(),
            draining: self.is_draining(),
            broken: self.broken.reason(),
            refusing: self.refusing.reason(),
            gates: self.startup.view(),
            heartbeats: self.heartbeats.view(now),
        }
    }

    pub(crate) fn set_broken(&self, reason: Option<String>) {
        self.broken.set(self.prepared(reason));
        self.touch();
    }

    pub(crate) fn set_refusing(&self, reason: Option<String>) {
        self.refusing.set(self.prepared(reason));
        self.touch();
    }

    /// Fails readiness for good.
    pub(crate) fn start_drain(&self) {
        self.drain.begin(clock::now());
        self.touch();
    }

    pub(crate) fn claim_gate(self: &Arc<Self>, name: &str) -> Result<Gate, Problem> {
        Gate::claim(self, name)
    }

    pub(crate) fn add_heartbeat(
        self: &Arc<Self>,
        name: &str,
        deadline: Duration,
    ) -> Result<Heartbeat, Problem> {
        Heartbeat::add(self, name, deadline)
    }

    /// A startup check passed for the first time, or was removed before it did.
    pub(crate) fn startup_check_done(&self) {
        self.startup.done();
        self.touch();
    }

    fn prepared(&self, reason: Option<String>) -> Option<String> {
        reason.map(|reason| self.redactor.prepare(reason))
    }

    pub(crate) fn touch(&self) {
        self.version.fetch_add(1, Ordering::Release);
        // Full: the refresher has not looked yet, and will see this change too. Closed: there is
        // nobody left to tell.
        let _ = self.changed.try_send(());
    }
}
