//! The Redis indicator against real servers, in every state that a Redis can be in.

mod answers;
mod cluster;
mod outages;
mod primary;
mod pushes;
mod refusals;
mod remains;
mod round_trip;
mod sentinel;
mod stale;
mod support;
mod switch;
mod tls;
