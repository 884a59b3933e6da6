//! What outlives the health: the last runs can be read after the refresher has ended.

use std::fmt;
use std::sync::Arc;

use super::{History, RunHistory};
use crate::model::{Subject, Transition};

/// Reads the latest runs and transitions, and does not keep the refresher running.
///
/// [`Health::history_reader`](crate::Health::history_reader) creates it. Once the last
/// [`Health`](crate::Health) is gone, it still returns what happened up to then, so that a sink can
/// write the last runs of a process.
///
/// ```
/// use tower_health::{Health, indicator_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let health = Health::builder()
///     .readiness(indicator_fn("db", async || Ok::<_, std::io::Error>(())))
///     .start()?;
/// health.await_ready().await?;
/// let reader = health.history_reader();
/// drop(health);
///
/// for check in reader.checks() {
///     let runs = reader.runs(&check).ok_or("it has run")?;
///     assert_eq!((check.to_string().as_str(), runs.samples().len()), ("readiness/db", 1));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HistoryReader {
    history: Arc<History>,
}

impl HistoryReader {
    pub(crate) fn new(history: &Arc<History>) -> Self {
        Self {
            history: Arc::clone(history),
        }
    }

    /// Returns every check that has run and was not removed, in no particular order.
    pub fn checks(&self) -> Vec<Subject> {
        self.history.checks()
    }

    /// Returns the latest runs of a check; `None` if it has not run or was removed.
    pub fn runs(&self, check: &Subject) -> Option<RunHistory> {
        self.history.runs(check)
    }

    /// Returns the latest transitions, as [`Health::history`](crate::Health::history) does.
    pub fn transitions(&self) -> Vec<Transition> {
        self.history.transitions()
    }

    /// Returns the latest transitions from a number on, oldest first.
    ///
    /// All transitions of a health have numbers from 0 on, in the order in which they happened. One
    /// that is missing has left the memory, which keeps the latest of each check and probe:
    /// [`Limits::history_per_check`](crate::Limits::history_per_check) and
    /// [`Limits::history_bytes_per_check`](crate::Limits::history_bytes_per_check).
    pub fn transitions_from(&self, number: u64) -> Vec<(u64, Transition)> {
        self.history.transitions_from(number)
    }
}

impl fmt::Debug for HistoryReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HistoryReader").finish_non_exhaustive()
    }
}
