//! The targets of the fuzzer, one module each: `run` takes any bytes and panics at a defect.
//!
//! Most inputs are lines of text, so that a reader can understand and write one. Each target compares
//! the crate with a model that is slow but obviously right, through the public API alone.

pub mod authorization;
pub mod config;
pub mod grpc;
pub mod http;
pub mod paths;
pub mod query;
pub mod redaction;
pub mod report;

mod app;
mod json;

#[cfg(test)]
mod corpus;
