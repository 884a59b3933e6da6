//! What the tests share.

mod account;
pub(crate) mod certificates;
pub(crate) mod http;
pub(crate) mod ingest;
pub(crate) mod port;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod redis;
pub(crate) mod service;

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a test waits for what must happen: far beyond any bound that is under test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until this holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        sleep(Duration::from_millis(10));
    }
}
