//! What the process itself has to say, as plain data.

use std::sync::Arc;
use std::time::Instant;

/// How far a gate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GateState {
    Open,
    Completed,
    /// With the reason. Startup will never succeed.
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
    /// `Some` when the heartbeat fails liveness.
    pub(crate) fault: Option<String>,
    /// When it will fail liveness unless it beats; `None` when it does already.
    pub(crate) deadline: Option<Instant>,
}

/// The state of the process at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct LifecycleView {
    /// Counts the changes, so that a reader sees whether a view is still the latest.
    pub(crate) version: u64,
    pub(crate) started: bool,
    pub(crate) draining: bool,
    /// Why the process was marked broken; `Some` while it is.
    pub(crate) broken: Option<String>,
    /// Why traffic is refused; `Some` while it is.
    pub(crate) refusing: Option<String>,
    pub(crate) gates: Vec<GateView>,
    pub(crate) heartbeats: Vec<HeartbeatView>,
}

impl LifecycleView {
    pub(crate) fn is_alive(&self) -> bool {
        self.broken.is_none() && self.heartbeats.iter().all(|beat| beat.fault.is_none())
    }

    /// Whether the process itself would take traffic, whatever its checks say.
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
