//! Runs of an indicator, one after the other, as the refresher makes them.

use std::time::Duration;

use tokio::time::timeout;
use tower_health::HealthIndicator;

use super::wait::eventually;

/// Runs it this often, each for as long as the refresher would let it, and returns how many passed.
pub(crate) async fn run(
    indicator: &impl HealthIndicator,
    times: usize,
    patience: Duration,
) -> usize {
    let mut passed = 0;
    for _ in 0..times {
        let run = timeout(patience, indicator.check()).await;
        passed += usize::from(matches!(run, Ok(Ok(_))));
    }
    passed
}

/// Runs it until it has passed this often. On a busy machine one may outlast the short timeouts of
/// these tests.
pub(crate) async fn runs_pass(indicator: &impl HealthIndicator, times: usize) {
    for _ in 0..times {
        passes(indicator).await;
    }
}

pub(crate) async fn passes(indicator: &impl HealthIndicator) {
    eventually("the check passes", async || indicator.check().await.is_ok()).await;
}

/// What a single run says that fails. A failure that the refresher sees may be excused on a busy
/// machine, and the next one have another reason.
pub(crate) async fn failure(indicator: &impl HealthIndicator) -> String {
    indicator.check().await.unwrap_err().output().to_owned()
}
