//! The refresher: when checks run, how it contains those that misbehave, and what it publishes.

mod blocking;
mod bombs;
mod changing;
mod clock;
mod detached;
mod door;
mod ending;
mod expiry;
mod hooks;
mod hung;
mod lateness;
mod listeners;
mod panics;
mod probed;
mod publishing;
mod run_now;
mod runtime;
mod schedule;
mod subscriber;
mod support;
mod thresholds;
mod transitions;
mod unyielding;
