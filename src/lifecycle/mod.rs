//! The handles with which an application drives its lifecycle: gates, heartbeats, drain, signals.

mod drain;
mod gate;
mod heartbeat;
#[cfg(feature = "signal")]
mod signal;

pub(crate) use self::drain::{drain, with_drain_cap};
pub use self::gate::Gate;
pub use self::heartbeat::Heartbeat;
#[cfg(feature = "signal")]
pub(crate) use self::signal::Signals;
