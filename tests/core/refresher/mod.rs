//! The refresher: when checks run, what becomes of those that misbehave, and what is published.

mod blocking;
mod bombs;
mod changing;
mod clock;
mod door;
mod ending;
mod expiry;
mod hooks;
mod hung;
mod listeners;
mod panics;
mod probed;
mod publishing;
mod runtime;
mod schedule;
mod support;
mod thresholds;
mod transitions;
mod unyielding;
