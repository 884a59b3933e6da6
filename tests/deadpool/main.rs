//! The indicator for deadpool-postgres against a real Postgres, in each of the states that it is
//! found in at night.
//!
//! Those that need a server are not run by default: `.ci/test` installs the servers and runs them.
#![cfg(all(unix, feature = "deadpool-postgres"))] // unix by way of signals
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect should end there"
)]

#[path = "../servers/mod.rs"]
mod servers;

mod outages;
mod pool;
mod refusals;
mod remains;
mod support;
mod writes;
