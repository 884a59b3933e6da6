//! The engine under all indicators for pools, in the states in which the database is well and only
//! connections are scarce or stale, and in those in which it is not.

mod beside;
pub(crate) mod full;
mod load;
mod parent;
mod pooler;
mod session;
mod stale;
