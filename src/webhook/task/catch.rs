//! Calls code of the application, which may panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Emits a `tracing` event, whose subscriber is code of the application.
macro_rules! log {
    ($level:ident, $($event:tt)*) => {
        $crate::webhook::task::catch::catching_panic(|| {
            ::tracing::event!(target: "tower_health", ::tracing::Level::$level, $($event)*)
        })
    };
}

pub(super) use log;

/// Calls a function of the application, and returns `None` if it panics.
#[expect(clippy::mem_forget, reason = "dropping the payload could panic again")]
pub(super) fn catching_panic<T>(call: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(value) => Some(value),
        Err(payload) => {
            std::mem::forget(payload);
            None
        }
    }
}
