//! The layer within the frameworks and middleware that people put it into.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect should end there"
)]

mod axum_router;
mod axum_serve;
mod hyper_server;
mod support;
mod tonic_server;
mod tower_http;
mod websocket;
