//! What only the gRPC health service reads: its services, the permits of its calls, and a timer.

mod pending;
mod permits;
mod services;
mod timer;

pub(crate) use self::pending::PendingPermit;
pub(crate) use self::permits::{Full, Peer, Permit};
pub use self::services::ServingStatus;
pub(crate) use self::services::is_standard_service;
pub(super) use self::services::{ServiceStatuses, Services};
pub(super) use self::timer::Timer;
