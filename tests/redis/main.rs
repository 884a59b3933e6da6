//! The Redis indicator against real servers, in every state that a Redis can be in.
#![cfg(feature = "redis")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect should end there"
)]

#[path = "../servers/mod.rs"]
mod servers;

mod answers;
mod outages;
mod refusals;
mod remains;
mod round_trip;
mod support;
