//! What probes do to a service, found out before an operator does.
//!
//! [`lint`] reads the files of a deployment beside the settings of the service, and says what will go
//! wrong. [`platform`] reads the same files and acts as the platform that they are for, against a real
//! process.

pub mod files;
pub mod lint;
pub mod platform;
pub mod settings;
pub mod tree;
mod units;
mod words;
