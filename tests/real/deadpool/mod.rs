//! The indicator for deadpool-postgres against a real Postgres, in every state that wakes
//! an on-call engineer.

mod outages;
mod pool;
mod refusals;
mod remains;
pub(crate) mod support;
mod writes;
