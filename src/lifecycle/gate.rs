//! Startup: gates that are held open until their step is done, and the latch behind them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::Lifecycle;
use crate::error::{Named, Problem};
use crate::model::{GateState, GateView, escape_line};

/// Counts what startup still waits for. At zero startup is complete, for good.
#[derive(Debug)]
pub(crate) struct Startup {
    pending: AtomicUsize,
    gates: Vec<Arc<GateCell>>,
}

#[derive(Debug)]
struct GateCell {
    name: Arc<str>,
    claimed: AtomicBool,
    /// Set once: completed, or failed with the reason.
    end: OnceLock<Result<(), String>>,
}

impl Startup {
    pub(super) fn new(gates: Vec<String>, checks: usize) -> Self {
        let gates: Vec<_> = gates
            .into_iter()
            .map(|name| {
                Arc::new(GateCell {
                    name: name.into(),
                    claimed: AtomicBool::new(false),
                    end: OnceLock::new(),
                })
            })
            .collect();
        Self {
            pending: AtomicUsize::new(gates.len() + checks),
            gates,
        }
    }

    #[inline]
    pub(super) fn is_complete(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0
    }

    /// Whether a gate failed: then it will never be complete.
    pub(super) fn has_failed(&self) -> bool {
        let failed = |gate: &Arc<GateCell>| gate.end.get().is_some_and(Result::is_err);
        self.gates.iter().any(failed)
    }

    /// Waits for one more check, unless startup is complete already.
    pub(crate) fn expect_one_more(&self) -> bool {
        let more = |pending: usize| (pending > 0).then_some(pending + 1);
        self.pending
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
            .is_ok()
    }

    pub(crate) fn has_gate(&self, name: &str) -> bool {
        self.gates.iter().any(|gate| &*gate.name == name)
    }

    pub(super) fn done(&self) {
        let less = |pending: usize| pending.checked_sub(1);
        let _ = self
            .pending
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
    }

    pub(super) fn view(&self) -> Vec<GateView> {
        self.gates
            .iter()
            .map(|gate| GateView {
                name: Arc::clone(&gate.name),
                state: match gate.end.get() {
                    None => GateState::Open,
                    Some(Ok(())) => GateState::Completed,
                    Some(Err(reason)) => GateState::Failed(reason.clone()),
                },
            })
            .collect()
    }
}

/// A step that startup waits for: migrations, filling a cache.
///
/// Gates are declared with [`HealthBuilder::gate`](crate::HealthBuilder::gate) and taken with
/// [`Health::gate`](crate::Health::gate). A gate that is dropped before it was completed, because
/// its step returned early or panicked, fails: `/startupz` stays at 503 and the report says why, and
/// [`Health::await_ready`](crate::Health::await_ready) returns an error.
///
/// ```
/// use tower_health::{Health, Probe, Status};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let health = Health::builder().gate("migrations").start()?;
/// let migrations = health.gate("migrations")?;
/// assert_eq!(health.status(Probe::Startup), Status::Fail);
///
/// migrations.complete();
/// assert_eq!(health.status(Probe::Startup), Status::Pass);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a gate that is dropped before it was completed fails startup"]
pub struct Gate {
    cell: Arc<GateCell>,
    lifecycle: Arc<Lifecycle>,
}

impl Gate {
    pub(super) fn claim(lifecycle: &Arc<Lifecycle>, name: &str) -> Result<Self, Problem> {
        let gates = &lifecycle.startup.gates;
        let cell = gates
            .iter()
            .find(|gate| &*gate.name == name)
            .ok_or_else(|| Problem::Unknown {
                of: "gate",
                name: name.to_owned(),
            })?;
        if cell.claimed.swap(true, Ordering::AcqRel) {
            let fault = "it was taken before";
            return Err(Problem::TooLate {
                of: Named::Gate,
                name: name.to_owned(),
                fault,
            });
        }
        Ok(Self {
            cell: Arc::clone(cell),
            lifecycle: Arc::clone(lifecycle),
        })
    }

    /// The name under which it was declared.
    pub fn name(&self) -> &str {
        &self.cell.name
    }

    /// The step is done.
    pub fn complete(self) {
        self.end(Ok(()));
    }

    /// The step failed, and startup with it, for good. The reason is shown in the report, and is
    /// redacted as every text is.
    pub fn fail(self, reason: impl Into<String>) {
        let reason = self.lifecycle.redactor.prepare(reason.into());
        self.end(Err(reason));
    }

    fn end(&self, end: Result<(), String>) {
        // Only the first end counts; the drop that follows it finds the cell set.
        if self.cell.end.set(end).is_err() {
            return;
        }
        match self.cell.end.get() {
            // Startup fails as before, so no transition will tell the reason.
            Some(Err(reason)) => {
                let (gate, output) = (&*self.cell.name, escape_line(reason));
                tracing::warn!(target: crate::LOG_TARGET, gate, output, "a startup gate failed");
            }
            _ => self.lifecycle.startup.done(),
        }
        self.lifecycle.touch();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.end(Err("dropped before it was completed".to_owned()));
    }
}
