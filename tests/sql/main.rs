//! The indicator for sqlx against real databases: Postgres, MariaDB and SQLite, in each of the
//! states that they are found in at night.
//!
//! Those that need a server are not run by default: `.ci/test` installs the servers and runs them.
#![cfg(unix)] // by way of signals
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect should end there"
)]

#[path = "../servers/mod.rs"]
mod servers;

mod mariadb;
mod postgres;
mod postgres_network;
mod postgres_pool;
mod postgres_refusals;
mod postgres_replica;
mod sqlite;
mod support;
