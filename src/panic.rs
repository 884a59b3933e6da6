//! Panics of user code, kept where they belong.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The message of a panic. The payload may be anything, and dropping it may panic once more.
pub(crate) fn panic_message(payload: Box<dyn Any + Send>) -> String {
    let text = payload
        .downcast_ref::<&'static str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    drop_quietly(payload);
    text.map_or_else(|| "panicked".to_owned(), |text| format!("panicked: {text}"))
}

/// Drops a value of a user's type; a panic in it ends here.
#[expect(clippy::mem_forget, reason = "see below: it is that or a panic")]
pub(crate) fn drop_quietly<T>(value: T) {
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(value)));
    if let Err(payload) = dropped {
        // A payload that panics when it is dropped is given up: another attempt would find the
        // same.
        std::mem::forget(payload);
    }
}

/// Calls a user's function; `None` if it panics.
pub(crate) fn quietly<T>(call: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(value) => Some(value),
        Err(payload) => {
            drop_quietly(payload);
            None
        }
    }
}
