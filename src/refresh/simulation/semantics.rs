//! What the refresher promises about time.

use std::sync::LazyLock;
use std::time::Duration;

/// Promises that are checked before they are kept: `SIMULATION_STRICT=lateness,extension`, or `all`.
static STRICT: LazyLock<String> =
    LazyLock::new(|| std::env::var("SIMULATION_STRICT").unwrap_or_default());

fn is_promised(promise: &str) -> bool {
    *STRICT == "all" || STRICT.split(',').any(|word| word == promise)
}

/// The refresher notices that the process did not run, and moves deadlines and expiries by that.
pub(super) static LATENESS_IS_MEASURED: LazyLock<bool> = LazyLock::new(|| is_promised("lateness"));

/// A run in progress keeps the result before it from expiring.
pub(super) static RUNS_EXTEND_RESULTS: LazyLock<bool> = LazyLock::new(|| is_promised("extension"));

/// A result ages from the end of its run, however late it is taken.
pub(super) static RESULTS_AGE_FROM_THEIR_END: LazyLock<bool> = LazyLock::new(|| is_promised("age"));

/// A red light that only a reader saw is announced.
pub(super) static READERS_LEAVE_TRACES: LazyLock<bool> = LazyLock::new(|| is_promised("traces"));

/// The most by which a deadline or an expiry moves.
pub(super) const BOUND: Duration = Duration::from_secs(60);

/// What a run has left, at least, after the process did not run.
pub(super) const GRACE: Duration = Duration::from_millis(100);

/// How long after its own deadline a run in progress keeps the result before it from expiring.
pub(super) const EXTENSION: Duration = Duration::from_secs(1);

/// How long a restart of the scheduler takes, with the precision of the timers.
pub(super) const RESTART: Duration = Duration::from_millis(102);
