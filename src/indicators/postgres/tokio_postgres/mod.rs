//! Postgres through the client of tokio-postgres, whichever pool it is from.

pub(crate) mod message;
// diesel-async keeps its client to itself.
#[cfg(any(feature = "bb8-postgres", feature = "deadpool-postgres"))]
pub(crate) mod query;
