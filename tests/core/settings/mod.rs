//! Settings: from the builder, from a file, in which order, and everything that can be wrong.

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
