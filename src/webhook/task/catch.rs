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
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(payload);
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;
    use std::sync::Arc;

    use super::*;

    struct Payload {
        _held: Arc<()>,
        panics: bool,
    }

    impl Drop for Payload {
        fn drop(&mut self) {
            assert!(!self.panics, "a payload that panics when it is dropped");
        }
    }

    #[test]
    fn the_payload_of_a_panic_is_dropped_and_may_panic_itself() {
        for panics in [false, true] {
            let held = Arc::new(());
            let payload = Payload {
                _held: Arc::clone(&held),
                panics,
            };
            assert_eq!(catching_panic(|| panic_any(payload)).map(|()| 1), None);
            assert_eq!(Arc::strong_count(&held), 1);
        }
    }
}
