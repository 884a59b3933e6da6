//! Runs the examples from outside, as a user would, and checks what their first comments promise.
//!
//! A plain `cargo test` builds the examples first. `cargo test --test real` runs those that were
//! built before.

mod healthcheck;
mod minimal;
mod settings;
mod story;
mod support;
mod switches;
