//! Tests that need only cargo: no server, and no program that has to be installed.
//!
//! Each folder tests one part of the crate; the first comment of its `mod.rs` says which. The tests
//! of gRPC and of allocations have binaries of their own, because a counting allocator belongs to a
//! whole binary. Tests against real servers and clients are in `tests/real`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect should end there"
)]

#[path = "../support/mod.rs"]
mod support;

mod events;
mod exposure;
mod frameworks;
mod host;
#[cfg(feature = "legacy")]
mod legacy;
mod lifecycle;
mod limits;
#[cfg(feature = "management")]
mod management;
mod metrics;
mod middleware;
mod network;
mod passive;
mod pool;
mod recorder;
mod refresher;
mod runs;
mod settings;
mod sqlite;
#[cfg(all(target_os = "linux", feature = "systemd"))]
mod systemd;
mod webhook;
mod wire;
