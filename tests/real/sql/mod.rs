//! The indicator for sqlx against real databases: Postgres and MariaDB, in every state that
//! wakes an on-call engineer.

pub(crate) mod mariadb;
mod mariadb_replica;
mod postgres;
mod postgres_aborted;
mod postgres_network;
mod postgres_pool;
mod postgres_refusals;
mod postgres_replica;
mod postgres_writes;
