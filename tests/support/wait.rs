//! Waiting on the real clock, with a bound, for what no event announces.

use std::time::{Duration, Instant};

/// How long a test waits for what must happen. Far beyond any bound that is under test: a machine
/// that is busy must not fail a test, and what never happens must not hang one.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How often a test looks. It leaves the processor to those that it waits for.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until this holds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits as [`eventually`] does, but blocks the thread: for a test that owns its runtime, which may
/// have come to a stop, and for one that has none.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::sleep(PAUSE);
    }
}
