//! The indicator for sqlx against real databases: Postgres and MariaDB, in each of the states
//! that they are found in at night.
//!
//! Those that need a server are not run by default: `.ci/test` installs the servers and runs them.

mod mariadb;
mod mariadb_replica;
mod postgres;
mod postgres_aborted;
mod postgres_network;
mod postgres_pool;
mod postgres_refusals;
mod postgres_replica;
mod postgres_writes;
