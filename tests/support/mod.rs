//! What more than one test binary, or more than one folder of tests, uses.
//!
//! Each of the four binaries includes this folder as a module, and none uses all of it. What only
//! one folder of tests uses stays in that folder.
#![allow(dead_code, unused_imports, reason = "no binary uses all of it")]

mod clock;
mod dial;
mod health;
mod wait;

pub(crate) mod authority;
pub(crate) mod child;
pub(crate) mod counting;
pub(crate) mod log;
pub(crate) mod never_ready;
pub(crate) mod port;
pub(crate) mod prober;
pub(crate) mod proxy;
pub(crate) mod recorded;
pub(crate) mod runs;
pub(crate) mod server;
pub(crate) mod site;
pub(crate) mod sqlx_pool;
pub(crate) mod verdict;
pub(crate) mod watched;

pub(crate) use clock::{lapse, millis, secs, settle};
pub(crate) use dial::{Dial, Position};
pub(crate) use health::{layer, steady};
pub(crate) use wait::{PATIENCE, eventually, wait_until};
