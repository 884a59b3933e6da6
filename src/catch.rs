//! Contains panics of user code: of functions, of destructors, and of `tracing` subscribers.

use std::any::Any;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Returns the message of a panic.
///
/// The payload can be of any type, and dropping it can panic again.
pub(crate) fn panic_message(payload: Box<dyn Any + Send>) -> String {
    let text = payload
        .downcast_ref::<&'static str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    drop_catching_panic(payload);
    text.map_or_else(|| "panicked".to_owned(), |text| format!("panicked: {text}"))
}

/// Drops a value of a user's type and catches a panic of its destructor.
#[expect(clippy::mem_forget, reason = "dropping the payload could panic again")]
pub(crate) fn drop_catching_panic<T>(value: T) {
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(value)));
    if let Err(payload) = dropped {
        // Dropping this payload may panic, and so may dropping the payload of that panic. Only a
        // leak is sure to end the chain.
        std::mem::forget(payload);
    }
}

/// Calls user code and returns `None` if it panics.
pub(crate) fn catch_panic<T>(call: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(value) => Some(value),
        Err(payload) => {
            drop_catching_panic(payload);
            None
        }
    }
}

/// Emits a `tracing` event with the target `tower_health`.
///
/// A subscriber is code of the application. One that panics, as the stock formatter does when both
/// its output and stderr are closed, must not take the refresher or a probe with it.
macro_rules! log {
    ($level:ident, $($event:tt)*) => {
        // `None` means that the event is lost, and there is nowhere left to report that.
        $crate::catch::catch_panic(|| {
            ::tracing::event!(target: "tower_health", ::tracing::Level::$level, $($event)*)
        });
    };
}

pub(crate) use log;

/// Holds a value of a user's type, and catches a panic of its destructor wherever it is dropped.
///
/// Several such values are often dropped together. A second panic while a first one unwinds would
/// end the process.
pub(crate) struct CatchDrop<T>(
    /// `None` only while the value is dropped.
    Option<T>,
);

impl<T> CatchDrop<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }
}

impl<T> Deref for CatchDrop<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => unreachable!("the value is taken only when it is dropped"),
        }
    }
}

impl<T> Drop for CatchDrop<T> {
    fn drop(&mut self) {
        drop_catching_panic(self.0.take());
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
            assert_eq!(catch_panic(|| panic_any(payload)).map(|()| 1), None);
            assert_eq!(Arc::strong_count(&held), 1);
        }
    }
}
