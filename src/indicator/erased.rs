//! The trait as an object, for a list of checks of different types.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::HealthIndicator;
use crate::model::CheckResult;

/// What the refresher needs of an indicator once its settings were read.
pub(crate) trait ErasedIndicator: Send + Sync {
    fn run(self: Arc<Self>) -> Pin<Box<dyn Future<Output = CheckResult> + Send>>;
}

impl<I: HealthIndicator> ErasedIndicator for I {
    fn run(self: Arc<Self>) -> Pin<Box<dyn Future<Output = CheckResult> + Send>> {
        Box::pin(async move { self.check().await })
    }
}
