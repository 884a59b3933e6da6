//! The parts that all services of a layer share.

use std::sync::Arc;

use super::details::Details;
#[cfg(feature = "grpc")]
use super::grpc::{GrpcOptions, GrpcResponder};
use super::paths::PathTable;
use super::responder::Responder;
use super::router::{ProbeRouter, Route};
use crate::health::Health;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) router: ProbeRouter,
    pub(super) responder: Responder,
    #[cfg(feature = "grpc")]
    pub(super) grpc: GrpcResponder,
    /// Keeps the refresher alive as long as a layer or a service exists. Responses need only the
    /// shared state. `None` for a server of this crate, which ends with the health.
    _health: Option<Health>,
}

impl Shared {
    pub(super) fn new(
        health: Health,
        paths: PathTable,
        details: Details,
        #[cfg(feature = "grpc")] grpc: GrpcOptions,
    ) -> Self {
        let router = ProbeRouter::new(paths, !details.are_off());
        #[cfg(feature = "grpc")]
        let (router, grpc) = grpc.apply(router, health.state(), &details);
        Self {
            router,
            responder: Responder::new(Arc::clone(health.state()), details),
            #[cfg(feature = "grpc")]
            grpc,
            _health: Some(health),
        }
    }

    /// Returns the same parts, which do not keep the refresher alive.
    #[cfg(feature = "management")]
    pub(super) fn detached(self) -> Self {
        Self {
            _health: None,
            ..self
        }
    }

    /// Returns whether every request on this path is answered as a probe.
    pub(super) fn is_probe(&self, path: &str) -> bool {
        // A single check does not count: the inner service gets the requests of most callers for it.
        !matches!(self.router.route(path), None | Some(Route::Check(..)))
    }
}
