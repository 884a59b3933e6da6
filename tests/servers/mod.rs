//! Real servers for the tests: processes that can be frozen and killed, a proxy that can be slow,
//! silent or rude, and a look at what a service behind the layer says meanwhile.
//!
//! Each test binary that needs it takes this folder in as a module; none uses all of it.

#![allow(dead_code)]

#[cfg(feature = "sqlx-mysql")]
pub(crate) mod mariadb;
#[cfg(feature = "sqlx-postgres")]
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod redis;
pub(crate) mod runs;
pub(crate) mod watched;
