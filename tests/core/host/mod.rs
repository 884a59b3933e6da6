//! Indicators that need no server: the host, the process, and what is set by hand.

mod in_flight;
mod push;
mod runtime_lag;
mod script;
mod settable;
mod support;
mod system;
mod thresholds;
