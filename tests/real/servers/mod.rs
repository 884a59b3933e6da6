//! Real servers: processes that a test can freeze and kill.

pub(crate) mod clickhouse;
pub(crate) mod mariadb;
pub(crate) mod openbao;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod redis;
pub(crate) mod tinyproxy;
