//! Indicators that need no server: the host, the process, and results that the application sets itself.

#[cfg(target_os = "linux")]
mod exhausted;
mod in_flight;
mod push;
mod runtime_lag;
mod script;
mod settable;
mod support;
mod system;
mod thresholds;
