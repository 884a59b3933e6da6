//! Real servers: processes that a test can freeze and kill.

pub(crate) mod mariadb;
pub(crate) mod pgbouncer;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod redis;
