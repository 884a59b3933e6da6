//! Heartbeats: loops that must beat within their deadline, or liveness fails.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{Named, Problem, duration_problem, validate_name};
use crate::state::{HeartbeatCell, LifecycleState};

/// Watches a loop: liveness fails while the loop does not beat within its deadline.
///
/// The deadline counts from creation. Liveness passes again when a late beat arrives. A heartbeat
/// that is dropped without [`finish`](Self::finish) fails liveness for good, because its loop died.
/// A loop that is started again can take the name of the dead one.
///
/// ```
/// use std::time::Duration;
/// use tower_health::Health;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let health = Health::builder().start()?;
/// let heartbeat = health.heartbeat("consumer", Duration::from_secs(30))?;
/// for _message in ["one", "two"] {
///     heartbeat.beat();
/// }
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

    /// Reports that the loop is well, and starts the deadline anew. Costs one atomic swap.
    pub fn beat(&self) {
        if self.lifecycle.heartbeats.beat(&self.cell) {
            self.lifecycle.notify();
        }
    }

    /// Ends the loop in good order: it is no longer watched.
    pub fn finish(self) {
        self.lifecycle.heartbeats.finish(&self.cell);
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.cell.die();
        self.lifecycle.notify();
    }
}
