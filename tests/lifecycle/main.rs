//! What each probe means, and what the process itself decides: gates, heartbeats, drain, switches.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect should end there"
)]

mod drain;
mod fixed;
mod gates;
mod heartbeats;
mod latching;
mod meaning;
mod shutdown;
mod signal;
mod startup;
mod support;
mod switches;
mod waiting;
