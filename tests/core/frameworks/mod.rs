//! The layer within the frameworks and middleware that people put it into.

mod axum_router;
mod axum_serve;
mod hyper_server;
mod support;
mod tonic_server;
mod tower_http;
mod websocket;
