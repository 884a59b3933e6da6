//! What several indicators use. Nothing here is an indicator.

// Each feature uses a part of this. Dead code shows where all features are on.
#![cfg_attr(
    not(all(
        feature = "deadpool-postgres",
        feature = "http-client",
        feature = "net",
        feature = "sqlx-mysql",
        feature = "system"
    )),
    allow(dead_code)
)]

#[cfg(feature = "__network")]
pub(crate) mod address;
pub(crate) mod blocking;
pub(crate) mod budget;
pub(crate) mod config;
pub(crate) mod findings;
pub(crate) mod limits;
pub(crate) mod note;
#[cfg(feature = "__network")]
pub(crate) mod resolver;
