//! A switch that is on for a reason.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;

#[derive(Debug, Default)]
pub(super) struct Switch {
    /// Whether `reason` is `Some`. Probes read only this, which costs less.
    on: AtomicBool,
    /// `Some` while the switch is on.
    reason: ArcSwapOption<String>,
    /// Held while both are written, never while they are read.
    writer: Mutex<()>,
}

impl Switch {
    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    pub(super) fn reason(&self) -> Option<String> {
        self.reason.load().as_deref().cloned()
    }

    /// Turns the switch on with a reason, or off.
    pub(super) fn set(&self, reason: Option<String>) {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let on = reason.is_some();
        self.reason.store(reason.map(Arc::new));
        self.on.store(on, Ordering::Release);
    }
}
