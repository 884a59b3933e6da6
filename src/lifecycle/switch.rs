//! A switch that somebody has to give a reason for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;

/// Whether it is on stands beside the reason: a probe asks for nothing else, and at less cost.
#[derive(Debug, Default)]
pub(super) struct Switch {
    on: AtomicBool,
    /// `Some` while it is on.
    reason: ArcSwapOption<String>,
}

impl Switch {
    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    pub(super) fn reason(&self) -> Option<String> {
        self.reason.load().as_deref().cloned()
    }

    pub(super) fn set(&self, reason: Option<String>) {
        let on = reason.is_some();
        self.reason.store(reason.map(Arc::new));
        self.on.store(on, Ordering::Release);
    }
}
