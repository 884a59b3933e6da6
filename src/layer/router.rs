//! The router: it recognises probes by their path alone.

use super::paths::PathTable;
use super::prefilter::Prefilter;
#[cfg(feature = "grpc")]
use crate::grpc::{HealthMethod, PATH_PREFIX};
use crate::model::Probe;

/// Maps the path of a request to a route.
#[derive(Debug)]
pub(super) struct ProbeRouter {
    paths: PathTable,
    /// Whether single checks have paths below those of their probes.
    routes_checks: bool,
    #[cfg(feature = "grpc")]
    routes_grpc: bool,
    prefilter: Prefilter,
}

/// A path that the layer may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Probe(Probe),
    /// Perhaps one check of a probe. Its name would be the last segment of the path,
    /// percent-encoded and not empty.
    Check(Probe),
    /// A method of the gRPC health service.
    #[cfg(feature = "grpc")]
    Grpc(HealthMethod),
}

impl ProbeRouter {
    pub(super) fn new(paths: PathTable, routes_checks: bool) -> Self {
        Self {
            prefilter: paths.prefilter(routes_checks),
            paths,
            routes_checks,
            #[cfg(feature = "grpc")]
            routes_grpc: false,
        }
    }

    /// Routes the paths of the gRPC health service too.
    #[cfg(feature = "grpc")]
    pub(super) fn with_grpc(self) -> Self {
        Self {
            routes_grpc: true,
            prefilter: self.prefilter.or(Prefilter::starting_with(PATH_PREFIX)),
            ..self
        }
    }

    /// Returns the route of a path; `None` if the path belongs to the inner service.
    #[inline(always)]
    pub(super) fn route(&self, path: &str) -> Option<Route> {
        if self.prefilter.may_match(path) {
            self.find(path)
        } else {
            None
        }
    }

    // Out of line, to keep the common path small.
    #[inline(never)]
    fn find(&self, path: &str) -> Option<Route> {
        if let Some(probe) = self.paths.probe(path) {
            return Some(Route::Probe(probe));
        }
        #[cfg(feature = "grpc")]
        if let Some(method) = HealthMethod::at(path).filter(|_| self.routes_grpc) {
            return Some(Route::Grpc(method));
        }
        if !self.routes_checks {
            return None;
        }
        let (probe, name) = self.paths.parent(path)?;
        (!name.is_empty()).then_some(Route::Check(probe))
    }
}
