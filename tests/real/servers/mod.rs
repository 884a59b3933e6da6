//! Real servers: processes that a test can freeze and kill.

pub(crate) mod clickhouse;
#[cfg(feature = "grpc-client")]
pub(crate) mod etcd;
pub(crate) mod mariadb;
pub(crate) mod openbao;
pub(crate) mod pgbouncer;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod redis;
pub(crate) mod redis_cluster;
pub(crate) mod redis_sentinel;
pub(crate) mod tinyproxy;
