//! Settings: from the builder, from a file, in which order, and everything that can be wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect should end there"
)]

mod bad_input;
mod builder;
mod defaults;
mod durations;
mod layer;
mod names;
mod precedence;
mod runtime;
mod sample;
mod support;
mod unknown_keys;
