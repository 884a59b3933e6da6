//! The handles with which an application drives its lifecycle: gates, heartbeats, drain, signals,
//! and a watchdog over its end.

mod drain;
mod gate;
mod heartbeat;
#[cfg(feature = "signal")]
mod signal;
#[cfg(feature = "signal")]
mod watchdog;

pub(crate) use self::drain::{drain, with_drain_cap};
pub use self::gate::Gate;
pub use self::heartbeat::Heartbeat;
#[cfg(feature = "signal")]
pub(crate) use self::signal::{Signals, drain_on_signal};
#[cfg(feature = "signal")]
pub(crate) use self::watchdog::start_watchdog;
