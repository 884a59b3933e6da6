//! The management port, over real sockets: its routes, who may see them, its bounds and its end.
//!
//! The port has a thread and a clock of its own, so time is real here. Tests wait for what they
//! expect, and assert no time.

mod access;
#[cfg(all(
    target_os = "linux",
    feature = "recorder-sqlite",
    feature = "recorder-postgres"
))]
mod archive;
#[cfg(unix)]
mod blocked;
mod content;
#[cfg(target_os = "linux")]
mod crowds;
#[cfg(target_os = "linux")]
mod ending;
mod own_probe;
mod page;
mod protocols;
mod routes;
mod settings;
mod support;
mod unread;
