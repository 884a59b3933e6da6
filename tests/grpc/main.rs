//! `grpc.health.v1` in the layer: what is answered, in which bytes, and what a Watch costs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect should end there"
)]

mod agreement;
mod bodies;
mod check;
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
mod places;
mod scale;
mod servers;
mod shutdown;
mod support;
mod switches;
mod ties;
mod watch;
mod wire;
