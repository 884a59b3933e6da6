//! Holds the examples to what their first comments promise, as a user would: from outside.
//!
//! `cargo test` builds the examples; `cargo test --test examples` alone takes them as they are.
#![cfg(unix)] // by way of signals
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect should end there"
)]

mod settings;
mod story;
mod support;
mod switches;
