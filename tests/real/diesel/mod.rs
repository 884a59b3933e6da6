//! The indicator for pools of diesel-async against a real Postgres.

mod outages;
mod refusals;
mod remains;
mod support;
