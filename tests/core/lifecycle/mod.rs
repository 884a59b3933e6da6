//! What each probe means, and what the process itself decides: gates, heartbeats, drain, switches.

mod drain;
mod fixed;
mod gates;
mod heartbeats;
mod latching;
mod meaning;
mod service;
mod shutdown;
mod signal;
mod startup;
mod support;
mod switches;
mod waiting;
mod watchdog;
