//! How a layer serves the gRPC health service: whether at all, and which callers list every service.

use std::sync::Arc;

use http::Request;
use http_body::Body;

use super::details::Details;
use super::router::ProbeRouter;
use crate::grpc::{Call, CallStart, HealthMethod, PendingCall, start_call};
use crate::model::Problem;
use crate::state::SharedState;

#[derive(Debug, Default)]
pub(super) struct GrpcOptions {
    pub(super) is_off: bool,
    /// `Some` if `List` has a policy of its own; otherwise that of the details applies.
    pub(super) list: Option<Details>,
}

impl GrpcOptions {
    pub(super) fn problem(&self) -> Option<Problem> {
        self.list.as_ref()?.problem()
    }

    /// Adds the paths of the service to the router, unless it is off.
    pub(super) fn apply(
        self,
        router: ProbeRouter,
        state: &Arc<SharedState>,
        details: &Details,
    ) -> (ProbeRouter, GrpcResponder) {
        let responder = GrpcResponder {
            state: Arc::clone(state),
            list: self.list.unwrap_or_else(|| details.clone()),
        };
        if self.is_off {
            (router, responder)
        } else {
            (router.with_grpc(), responder)
        }
    }
}

/// Responds to calls of the gRPC health service.
#[derive(Debug)]
pub(super) struct GrpcResponder {
    state: Arc<SharedState>,
    list: Details,
}

impl GrpcResponder {
    /// Examines the head of a call: it decides the response, or the body has to be read.
    pub(super) fn start<B>(&self, method: HealthMethod, request: &Request<B>) -> CallStart {
        start_call(method, request, || self.list.allow(request))
    }

    /// Reads the body of a call.
    pub(super) fn read<B: Body>(&self, pending: PendingCall, body: B) -> Call<B> {
        Call::new(pending, body, Arc::clone(&self.state))
    }
}
