//! Gates: steps that startup waits for.

use crate::catch::log;
use std::sync::Arc;

use crate::model::{Named, Problem, escape_line};
use crate::state::{GateCell, LifecycleState};

/// Holds startup back until a step is done, such as migrations or filling a cache.
///
/// A gate is declared with [`HealthBuilder::gate`](crate::HealthBuilder::gate) and taken with
/// [`Health::gate`](crate::Health::gate). A gate fails if it is dropped before it is completed,
/// because its step returned early or panicked: `/startupz` stays at 503, the report gives the
/// reason, and [`Health::await_ready`](crate::Health::await_ready) returns an error.
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
#[must_use = "a gate that is dropped before it is completed fails startup"]
pub struct Gate {
    cell: Arc<GateCell>,
    lifecycle: Arc<LifecycleState>,
}

impl Gate {
    /// Takes a declared gate. Each can be taken once.
    pub(crate) fn take(lifecycle: &Arc<LifecycleState>, name: &str) -> Result<Self, Problem> {
        let cell = lifecycle
            .startup
            .gate(name)
            .ok_or_else(|| Problem::Unknown {
                of: "gate",
                name: name.to_owned(),
            })?;
        if !cell.claim() {
            return Err(Problem::TooLate {
                of: Named::Gate,
                name: name.to_owned(),
                fault: "it was taken before",
            });
        }
        Ok(Self {
            cell: Arc::clone(cell),
            lifecycle: Arc::clone(lifecycle),
        })
    }

    /// Returns the name under which the gate was declared.
    pub fn name(&self) -> &str {
        self.cell.name()
    }

    /// Reports that the step is done.
    pub fn complete(self) {
        if self.cell.end(Ok(())) {
            self.lifecycle.startup.step_done();
            self.lifecycle.notify();
        }
    }

    /// Reports that the step failed, which fails startup for good. The report shows the reason
    /// after redaction.
    pub fn fail(self, reason: impl Into<String>) {
        let reason = self.lifecycle.redactor.prepare(reason.into());
        self.end_failed(reason);
    }

    fn end_failed(&self, reason: String) {
        let output = escape_line(&reason);
        if self.cell.end(Err(reason)) {
            // The status of startup stays the same, so no transition carries the reason.
            log!(WARN, gate = self.name(), output, "a startup gate failed");
            self.lifecycle.notify();
        }
    }
}

/// Fails the gate, unless it was completed or failed before.
impl Drop for Gate {
    fn drop(&mut self) {
        self.end_failed("dropped before it was completed".to_owned());
    }
}
