//! The state of the process itself, apart from its checks, as plain data.

use std::sync::Arc;
use std::time::Instant;

/// Holds the progress of a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GateState {
    Open,
    Completed,
    /// Holds the reason. Startup never succeeds after this.
    Failed(String),
}

#[derive(Clone, Debug)]
pub(crate) struct GateView {
    pub(crate) name: Arc<str>,
    pub(crate) state: GateState,
}

#[derive(Clone, Debug)]
pub(crate) struct HeartbeatView {
    pub(crate) name: Arc<str>,
    /// `Some` while the heartbeat fails liveness.
    pub(crate) fault: Option<String>,
}

/// Tells whether the refresher works.
///
/// [`Snapshot::refresher`](crate::Snapshot::refresher) returns it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefresherState {
    /// It works.
    #[default]
    Running,
    /// It panicked and has not completed a turn since. Only a defect of this crate causes that.
    Restarting,
    /// It ended although handles of the health exist: its tokio runtime was shut down.
    Gone,
}

/// Holds the state of the refresher at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RefresherView {
    pub(crate) state: RefresherState,
    /// Whether it has been away for so long that only a restart of the process helps.
    pub(crate) needs_restart: bool,
}

/// Holds the state of the process at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct LifecycleView {
    /// The number of changes so far: a reader compares it to see whether a view is the latest.
    pub(crate) version: u64,
    pub(crate) started: bool,
    /// When the drain began; `Some` while the process drains, which is for good.
    pub(crate) draining_since: Option<Instant>,
    /// The reason, while the process is marked broken.
    pub(crate) broken: Option<String>,
    /// The reason, while the application refuses traffic.
    pub(crate) refusing: Option<String>,
    pub(crate) gates: Vec<GateView>,
    pub(crate) heartbeats: Vec<HeartbeatView>,
    pub(crate) refresher: RefresherView,
}

impl LifecycleView {
    pub(crate) fn is_alive(&self) -> bool {
        self.broken.is_none() && !self.refresher.needs_restart && self.missed_heartbeats() == 0
    }

    pub(crate) fn missed_heartbeats(&self) -> usize {
        let missed = self.heartbeats.iter().filter(|beat| beat.fault.is_some());
        missed.count()
    }

    /// Returns whether the process takes traffic, apart from its checks.
    pub(crate) fn takes_traffic(&self) -> bool {
        self.started && self.draining_since.is_none() && self.refusing.is_none()
    }
}
