//! The indicator for deadpool-postgres against a real Postgres, in each of the states that it is
//! found in at night.
//!
//! Those that need a server are not run by default: `.ci/test` installs the servers and runs them.

mod outages;
mod pool;
mod refusals;
mod remains;
mod support;
mod writes;
