//! Holds the examples to what their first comments promise, as a user would: from outside.
//!
//! `cargo test` builds the examples; `cargo test --test real` alone takes them as they are.

mod settings;
mod story;
mod support;
mod switches;
