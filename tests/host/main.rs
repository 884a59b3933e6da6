//! Indicators that need no server: the host, the process, and what is set by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect should end there"
)]

#[path = "../servers/mod.rs"]
mod servers;

mod in_flight;
mod push;
mod runtime_lag;
mod script;
mod settable;
mod support;
mod system;
mod thresholds;
