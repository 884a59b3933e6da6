//! The indicator for sqlx against SQLite, which needs no server.

mod file;
mod kept;
