//! The files of a deployment, with the defaults of their platforms.
//!
//! The linter and the runner read them here, so that both mean the same.

pub mod compose;
pub mod dockerfile;
pub mod fly;
pub mod healthcheck;
pub mod kubernetes;
pub mod railway;
