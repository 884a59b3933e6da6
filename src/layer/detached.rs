//! Probes for a server of this crate, which ends with the health instead of keeping it alive.

use bytes::Bytes;
use http::{Request, Response};

use super::details::Details;
use super::layer::HealthLayer;
use super::router::Route;
use crate::health::Health;
use crate::model::BuildError;

impl HealthLayer {
    /// Creates a layer with the default paths that does not keep the refresher alive, and leaves gRPC
    /// calls alone.
    pub(crate) fn detached(health: &Health, details: Details) -> Result<Self, BuildError> {
        let builder = Self::builder(health.clone()).details(details);
        builder.without_grpc().build_detached()
    }

    /// Responds to a probe, or to a request for one check. Returns `None` for every other request, and
    /// for a check that does not exist or that the caller may not see.
    pub(crate) fn respond<B>(&self, request: &Request<B>) -> Option<Response<Bytes>> {
        let shared = self.shared();
        let response = match shared.router.route(request.uri().path())? {
            Route::Probe(probe) => shared.responder.probe(probe, request),
            Route::Check(probe) => shared.responder.check(probe, request)?,
            #[cfg(feature = "grpc")]
            Route::Grpc(_) => return None,
        };
        let (parts, body) = response.into_parts();
        Some(Response::from_parts(parts, body.into_bytes()))
    }
}
