//! `grpc.health.v1` in the layer: its answers, their bytes, and the cost of a Watch.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect should end there"
)]

#[path = "../support/mod.rs"]
mod support;

mod agreement;
mod bodies;
mod calls;
mod check;
mod checks;
mod coexistence;
mod connection;
mod counting;
mod drain;
#[cfg(unix)]
mod early_end;
mod http2;
mod limits;
mod list;
mod malformed;
mod migration;
mod names;
mod not_grpc;
mod peers;
mod permits;
mod reads;
mod reply;
mod requests;
mod scale;
mod servers;
mod shutdown;
mod stream;
mod switches;
mod ties;
mod watch;
mod wire;
