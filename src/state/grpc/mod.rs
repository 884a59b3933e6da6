//! What only the gRPC health service reads: its services, the permits of its calls, and a timer.

mod pending;
mod permits;
mod services;
pub(crate) mod timer;

pub(crate) use self::pending::PendingPermit;
pub(crate) use self::permits::{Full, Peer, Peers, Permit};
pub use self::services::ServingStatus;
pub(crate) use self::services::is_standard_service;
#[cfg(feature = "metrics")]
pub(super) use self::services::standard_probe;
pub(super) use self::services::{ServiceStatuses, Services};
