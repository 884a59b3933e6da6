//! Log lines of the port.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Writes a line. A subscriber is code of the application: its panic loses the line and nothing else.
pub(super) fn contain(write: impl FnOnce()) {
    let written = catch_unwind(AssertUnwindSafe(write));
    if let Err(payload) = written {
        // Dropping what it panicked with may panic again.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    }
}
