//! Everything that needs only cargo: no server, no other program that has to be installed.
//!
//! Each folder is about one part of the crate; the first comment of its `mod.rs` says which. gRPC
//! and allocations have binaries of their own, since they count what they allocate, and tests
//! against real servers and clients are in `tests/real`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect should end there"
)]

#[path = "../support/mod.rs"]
mod support;

mod exposure;
mod frameworks;
mod host;
mod lifecycle;
mod middleware;
mod network;
mod refresher;
mod settings;
mod sqlite;
mod wire;
