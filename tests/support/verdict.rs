//! One run of an indicator, outside of any refresher: so that its own text is seen, before redaction.

use tower_health::HealthIndicator;

/// The text of a run that has to fail.
pub(crate) async fn failure(indicator: &impl HealthIndicator) -> String {
    let result = indicator.check().await;
    result.expect_err("it passes").output().to_owned()
}

/// A run that has to pass.
pub(crate) async fn passes(indicator: &impl HealthIndicator) {
    let passed = indicator.check().await;
    if let Err(failure) = passed {
        panic!("{failure}");
    }
}
