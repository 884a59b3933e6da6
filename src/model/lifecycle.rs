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
    /// When the heartbeat fails liveness unless it beats; `None` if it already does.
    pub(crate) deadline: Option<Instant>,
}

/// Holds the state of the process at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct LifecycleView {
    /// The number of changes so far: a reader compares it to see whether a view is the latest.
    pub(crate) version: u64,
    pub(crate) started: bool,
    pub(crate) draining: bool,
    /// The reason, while the process is marked broken.
    pub(crate) broken: Option<String>,
    /// The reason, while the application refuses traffic.
    pub(crate) refusing: Option<String>,
    pub(crate) gates: Vec<GateView>,
    pub(crate) heartbeats: Vec<HeartbeatView>,
}

impl LifecycleView {
    pub(crate) fn is_alive(&self) -> bool {
        self.broken.is_none() && self.heartbeats.iter().all(|beat| beat.fault.is_none())
    }

    /// Returns whether the process takes traffic, apart from its checks.
    pub(crate) fn takes_traffic(&self) -> bool {
        self.started && !self.draining && self.refusing.is_none()
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.heartbeats
            .iter()
            .filter_map(|beat| beat.deadline)
            .min()
    }
}
