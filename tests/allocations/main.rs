//! What the layer costs in memory: allocations of requests and probes, and sizes of futures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect should end there"
)]

#[path = "../support/mod.rs"]
mod support;

mod counting;
mod history;
mod in_flight;
mod pass_through;
mod passive;
mod probes;
mod requests;
mod sizes;
