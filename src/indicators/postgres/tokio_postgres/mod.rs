//! Postgres through the client of tokio-postgres, whichever pool it is from.

pub(crate) mod message;
pub(crate) mod query;
