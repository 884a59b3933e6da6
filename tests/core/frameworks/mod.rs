//! The layer inside axum, tonic, hyper and the middleware of tower-http.

mod axum_router;
mod axum_serve;
mod hyper_server;
mod support;
mod tonic_server;
mod tower_http;
mod websocket;
