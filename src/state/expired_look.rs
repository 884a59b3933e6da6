//! The trace of a probe that failed only because a result had expired.
//!
//! The refresher was not there to see it, and renews the results when it comes. Without the trace,
//! nobody would learn why a load balancer saw a 503.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwapOption;

use crate::model::Snapshot;

/// What a reader saw first since the refresher looked.
#[derive(Debug)]
pub(crate) struct ExpiredLook {
    /// The snapshot whose results had expired.
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) at: Instant,
}

#[derive(Debug, Default)]
pub(super) struct FirstExpiredLook(ArcSwapOption<ExpiredLook>);

impl FirstExpiredLook {
    /// Records the look, unless an earlier one is recorded.
    #[cold]
    pub(super) fn note(&self, snapshot: &Arc<Snapshot>, at: Instant) {
        if !self.is_noted() {
            let snapshot = Arc::clone(snapshot);
            self.0.store(Some(Arc::new(ExpiredLook { snapshot, at })));
        }
    }

    pub(super) fn is_noted(&self) -> bool {
        self.0.load().is_some()
    }

    pub(super) fn take(&self) -> Option<Arc<ExpiredLook>> {
        if self.is_noted() {
            self.0.swap(None)
        } else {
            None
        }
    }
}
