//! The indicator for deadpool against a real Postgres.
//!
//! Not run by default: `.ci/test` installs the server and runs them.
#![cfg(unix)] // by way of signals
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect should end there"
)]

#[path = "../servers/mod.rs"]
mod servers;

mod postgres;
