//! The two ways in which most tests begin: a builder whose schedule is exact, and a layer that
//! always passes.

use tower_health::{Health, HealthBuilder, HealthLayer, Status};

/// A builder whose checks run exactly once a second.
pub(crate) fn steady() -> HealthBuilder {
    Health::builder().jitter(0.0)
}

/// A layer whose every probe passes.
pub(crate) fn layer() -> HealthLayer {
    HealthLayer::new(Health::fixed(Status::Pass))
}
