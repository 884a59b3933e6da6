//! Sleeps on the timer of the runtime that polls, if there is one.
//!
//! A stranger's call is polled where the application wants, which can be any executor.

use crate::catch::catch_panic;
use std::cell::Cell;
use std::future::pending;
use std::pin::Pin;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::time::Sleep;

thread_local! {
    /// Set once a runtime that had no timer polled on this thread. Each further attempt would print
    /// a panic to stderr. Other threads can belong to a runtime that has one.
    static IS_MISSING: Cell<bool> = const { Cell::new(false) };
}

/// Returns a sleep until this moment; `None` outside a tokio runtime, and within one whose timer is
/// not enabled.
pub(crate) fn sleep_until(at: Instant) -> Option<Pin<Box<Sleep>>> {
    if IS_MISSING.get() || Handle::try_current().is_err() {
        return None;
    }
    // Tokio offers no other way to find out: creating a sleep panics without a timer.
    let sleep = catch_panic(|| Box::pin(tokio::time::sleep_until(at.into())));
    IS_MISSING.set(sleep.is_none());
    sleep
}

/// Waits until this moment. Without a timer, it never resolves.
pub(crate) async fn wait_until(at: Instant) {
    match sleep_until(at) {
        Some(sleep) => sleep.await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // What tokio does there is a panic, which would be printed.
    #[test]
    fn outside_of_a_runtime_no_timer_is_looked_for() {
        assert!(sleep_until(Instant::now()).is_none());
        assert!(!IS_MISSING.get());
    }
}
