//! What more than one test binary, or more than one folder of tests, uses.
//!
//! Each of the four binaries includes this folder as a module, and none uses all of it. What only
//! one folder of tests uses stays in that folder.
#![allow(dead_code, reason = "no binary uses all of it")]

pub(crate) mod port;
pub(crate) mod proxy;
pub(crate) mod runs;
pub(crate) mod sqlx_pool;
pub(crate) mod watched;
