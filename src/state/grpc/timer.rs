//! Sleeps on the timer of the runtime that polls, if there is one.

use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::time::Sleep;

use crate::model::catch_panic;

/// Makes sleeps where a stranger's call is polled, which the application may do in any executor.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    /// Set once a runtime had no timer. Each further attempt would print a panic to stderr.
    is_missing: AtomicBool,
}

impl Timer {
    /// Returns a sleep until this moment; `None` outside a tokio runtime, and within one whose timer
    /// is not enabled.
    pub(crate) fn sleep_until(&self, at: Instant) -> Option<Pin<Box<Sleep>>> {
        if self.is_missing.load(Ordering::Relaxed) || Handle::try_current().is_err() {
            return None;
        }
        // Tokio offers no other way to find out: creating a sleep panics without a timer.
        let sleep = catch_panic(|| Box::pin(tokio::time::sleep_until(at.into())));
        if sleep.is_none() {
            self.is_missing.store(true, Ordering::Relaxed);
        }
        sleep
    }

    /// Waits until this moment. Without a timer, it never resolves.
    pub(crate) async fn wait_until(&self, at: Instant) {
        match self.sleep_until(at) {
            Some(sleep) => sleep.await,
            None => pending().await,
        }
    }
}
