//! Heartbeats: liveness fails while a loop does not beat within its deadline.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{Named, Problem, duration_problem, validate_name};
use crate::state::{HeartbeatCell, LifecycleState};

/// Watches a loop: liveness fails while the loop does not beat within its deadline.
///
/// The deadline counts from creation, then from each beat. A late beat lets liveness pass again.
///
/// A heartbeat that is dropped without [`finish`](Self::finish) means that its loop died: liveness
/// fails until a new heartbeat takes its name.
///
/// ```
/// use std::time::Duration;
/// use tower_health::{Health, Probe, Status};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let health = Health::builder().start()?;
/// let heartbeat = health.heartbeat("consumer", Duration::from_secs(30))?;
/// for _message in ["one", "two"] {
///     heartbeat.beat();
/// }
/// assert_eq!(health.status(Probe::Liveness), Status::Pass);
/// heartbeat.finish();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a heartbeat that is dropped without `finish` fails liveness"]
pub struct Heartbeat {
    cell: Arc<HeartbeatCell>,
    lifecycle: Arc<LifecycleState>,
}

impl Heartbeat {
    pub(crate) fn start(
        lifecycle: &Arc<LifecycleState>,
        name: &str,
        deadline: Duration,
    ) -> Result<Self, Problem> {
        let of = Named::Heartbeat;
        validate_name(name).map_err(|fault| Problem::Name {
            of,
            name: name.to_owned(),
            fault,
        })?;
        if let Some(problem) = duration_problem(Some(name), "deadline", deadline) {
            return Err(problem);
        }
        let cell = lifecycle.heartbeats.add(name, deadline);
        let cell = cell.ok_or_else(|| Problem::DuplicateName {
            of,
            name: name.to_owned(),
        })?;
        lifecycle.notify();
        Ok(Self {
            cell,
            lifecycle: Arc::clone(lifecycle),
        })
    }

    /// Returns the name under which the heartbeat was created.
    pub fn name(&self) -> &str {
        self.cell.name()
    }

    /// Reports that the loop is alive, and restarts its deadline. Costs one read of
    /// the clock and one atomic swap.
    pub fn beat(&self) {
        if self.lifecycle.heartbeats.beat(&self.cell) {
            self.lifecycle.notify();
        }
    }

    /// Stops watching the loop, which ended as intended.
    pub fn finish(self) {
        self.lifecycle.heartbeats.finish(&self.cell);
    }
}

/// Fails liveness, unless the loop was finished before.
impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.cell.die();
        self.lifecycle.notify();
    }
}
