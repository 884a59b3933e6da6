//! The object-safe counterpart of `HealthIndicator`, for lists of checks of different types.

use crate::catch::CatchDrop;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{CheckResult, HealthIndicator};

/// The only method of an indicator that the refresher needs once the settings are resolved.
pub(crate) trait DynIndicator: Send + Sync {
    fn run(self: Arc<Self>) -> Pin<Box<dyn Future<Output = CheckResult> + Send>>;
}

impl<I: HealthIndicator> DynIndicator for CatchDrop<I> {
    fn run(self: Arc<Self>) -> Pin<Box<dyn Future<Output = CheckResult> + Send>> {
        Box::pin(async move { self.check().await })
    }
}
