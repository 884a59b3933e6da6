//! Real servers and real probing clients, and the examples as a user runs them.
//!
//! A test that needs a program is ignored by default: `.ci/test` installs the programs and runs
//! these tests. A program that is missing is a failure.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect should end there"
)]

#[path = "../support/mod.rs"]
mod support;

#[cfg(all(unix, feature = "bb8-postgres"))]
mod bb8;
#[cfg(target_os = "linux")]
mod cgroup;
mod clients;
// The others send signals.
#[cfg(all(unix, feature = "deadpool-postgres"))]
mod deadpool;
#[cfg(all(unix, feature = "diesel-postgres"))]
mod diesel;
#[cfg(unix)]
mod examples;
#[cfg(all(unix, feature = "grpc-client"))]
mod grpc;
#[cfg(target_os = "linux")]
mod host;
#[cfg(target_os = "linux")]
mod hostile;
#[cfg(target_os = "linux")]
mod http;
#[cfg(all(unix, feature = "management"))]
mod page;
#[cfg(all(unix, feature = "deadpool-postgres"))]
mod pool;
#[cfg(all(target_os = "linux", feature = "management"))]
mod rebinding;
#[cfg(target_os = "linux")]
mod recorder;
#[cfg(all(unix, feature = "redis"))]
mod redis;
#[cfg(target_os = "linux")]
mod root;
#[cfg(unix)]
mod servers;
#[cfg(unix)]
mod sql;
