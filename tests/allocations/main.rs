//! What the layer costs in memory: allocations of requests and probes, and sizes of futures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that meets what it did not expect should end there"
)]

mod counting;
mod in_flight;
mod pass_through;
mod probes;
mod sizes;
mod support;
