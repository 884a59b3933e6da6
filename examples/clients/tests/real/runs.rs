//! Runs of an indicator, as the refresher makes them: aborted at the timeout.

use std::time::Instant;

use tokio::time::timeout;
use tower_health::{CheckResult, Failure, HealthIndicator, Status};

use crate::wait::PATIENCE;

/// What the refresher would say, and a recipe never should.
const ABORTED: &str = "aborted at the timeout";

pub(crate) async fn run(indicator: &impl HealthIndicator) -> CheckResult {
    let limit = indicator.timeout().unwrap();
    let run = timeout(limit, indicator.check()).await;
    run.unwrap_or_else(|_| Err(Failure::new(ABORTED)))
}

pub(crate) async fn passes(indicator: &impl HealthIndicator) {
    comes_to(indicator, Status::Pass, "").await;
}

pub(crate) async fn warns_with(indicator: &impl HealthIndicator, part: &str) {
    comes_to(indicator, Status::Warn, part).await;
}

/// The text of the failure, which no secret is in.
pub(crate) async fn fails_with(indicator: &impl HealthIndicator, part: &str) -> String {
    let text = comes_to(indicator, Status::Fail, part).await;
    assert!(!text.contains("s3cr3t"), "{text}");
    text
}

/// As `fails_with`, for a server that cannot have answered: no run may pass.
pub(crate) async fn only_fails_with(indicator: &impl HealthIndicator, part: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let failure = run(indicator).await.expect_err("it passes");
        if failure.output().contains(part) {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "never a failure with {part:?}, at last {failure}"
        );
    }
}

/// Runs it until it has this status, and a text that contains `part`.
async fn comes_to(indicator: &impl HealthIndicator, status: Status, part: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = match run(indicator).await {
            Ok(observation) => {
                let text = observation.output().unwrap_or_default();
                (observation.status(), text.to_owned())
            }
            Err(failure) => (Status::Fail, failure.output().to_owned()),
        };
        if seen.0 == status && seen.1.contains(part) {
            return seen.1;
        }
        assert!(
            Instant::now() < deadline,
            "never {status} with {part:?}, at last {seen:?}"
        );
    }
}
