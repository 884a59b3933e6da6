//! The Redis indicator against real servers, in every state that a Redis can be in.

mod answers;
mod outages;
mod refusals;
mod remains;
mod round_trip;
mod support;
