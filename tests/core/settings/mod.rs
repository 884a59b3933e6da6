//! Settings: those of the builder and of a file, their precedence, and every error in them.

mod bad_input;
mod builder;
mod defaults;
mod durations;
mod layer;
mod limits;
mod names;
mod numbers;
mod precedence;
mod runtime;
mod sample;
mod support;
mod unknown_keys;
