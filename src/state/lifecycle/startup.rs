//! The startup latch: it counts the gates and checks that startup waits for.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::model::{GateState, GateView};

/// Counts what startup still waits for. At zero, startup is complete for good.
#[derive(Debug)]
pub(crate) struct StartupLatch {
    pending: AtomicUsize,
    gates: Vec<Arc<GateCell>>,
}

/// One gate, shared by the latch and the handle.
#[derive(Debug)]
pub(crate) struct GateCell {
    name: Arc<str>,
    claimed: AtomicBool,
    /// `Some` once the gate was completed, or failed with a reason.
    end: OnceLock<Result<(), String>>,
}

impl GateCell {
    fn new(name: String) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            claimed: AtomicBool::new(false),
            end: OnceLock::new(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns `true` to the first caller only.
    pub(crate) fn claim(&self) -> bool {
        !self.claimed.swap(true, Ordering::AcqRel)
    }

    /// Records how the step ended. Returns `false` if an end was recorded before.
    pub(crate) fn end(&self, end: Result<(), String>) -> bool {
        self.end.set(end).is_ok()
    }

    fn view(&self) -> GateView {
        GateView {
            name: Arc::clone(&self.name),
            state: match self.end.get() {
                None => GateState::Open,
                Some(Ok(())) => GateState::Completed,
                Some(Err(reason)) => GateState::Failed(reason.clone()),
            },
        }
    }
}

impl StartupLatch {
    pub(super) fn new(gates: Vec<String>, checks: usize) -> Self {
        let gates: Vec<_> = gates.into_iter().map(GateCell::new).collect();
        Self {
            pending: AtomicUsize::new(gates.len() + checks),
            gates,
        }
    }

    #[inline]
    pub(super) fn is_complete(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0
    }

    /// Returns whether a gate failed, so that startup can never be complete.
    pub(super) fn has_failed(&self) -> bool {
        let failed = |gate: &Arc<GateCell>| gate.end.get().is_some_and(Result::is_err);
        self.gates.iter().any(failed)
    }

    /// Makes startup wait for one more check; `false` if it is complete already.
    pub(crate) fn expect_one_more(&self) -> bool {
        let more = |pending: usize| (pending > 0).then_some(pending + 1);
        self.pending
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
            .is_ok()
    }

    pub(crate) fn gate(&self, name: &str) -> Option<&Arc<GateCell>> {
        self.gates.iter().find(|gate| &*gate.name == name)
    }

    /// Counts one gate or check as done.
    pub(crate) fn step_done(&self) {
        let less = |pending: usize| pending.checked_sub(1);
        let _ = self
            .pending
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
    }

    pub(super) fn view(&self) -> Vec<GateView> {
        self.gates.iter().map(|gate| gate.view()).collect()
    }
}
