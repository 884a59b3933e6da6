//! The binary, with real servers beside it: Postgres, Redis and an ingest of Sentry.
//!
//! They are children of the tests, on ports of their own, and found through `PATH`. One that is
//! missing fails its tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod bare;
mod configuration;
mod drain;
mod grpc;
mod hang;
mod healthcheck;
mod interrupted;
mod limits;
mod logs;
mod migrations;
mod redis;
mod secrets;
mod sentry;
mod startup;
mod support;
mod systemd;
mod tls;
mod watch;
mod websocket;
