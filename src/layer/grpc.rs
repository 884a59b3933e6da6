//! How a layer serves the gRPC health service: whether at all, and which callers list every service.

use crate::catch::{CatchDrop, catch_panic, log};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use http::Request;
use http_body::Body;

use super::details::{Details, RequestHead};
use super::router::ProbeRouter;
use crate::grpc::{Call, CallStart, HealthMethod, PendingCall, start_call};
use crate::model::Problem;
use crate::state::{Peer, Peers, SharedState};

#[derive(Debug, Default)]
pub(super) struct GrpcOptions {
    pub(super) is_off: bool,
    /// `Some` if `List` has a policy of its own; otherwise that of the details applies.
    pub(super) list: Option<Details>,
    /// `Some` if the application knows whose call it is.
    pub(super) peer: Option<PeerOf>,
}

/// Tells whose call it is.
#[derive(Clone)]
pub(super) struct PeerOf(Arc<FindPeer>);

type FindPeer = dyn Fn(&RequestHead<'_>, &Peers) -> Peer + Send + Sync;

impl PeerOf {
    pub(super) fn new<K: Hash>(
        key: impl Fn(&RequestHead<'_>) -> Option<K> + Send + Sync + 'static,
    ) -> Self {
        let key = CatchDrop::new(key);
        let peer = move |head: &RequestHead<'_>, peers: &Peers| {
            catch_panic(|| peers.of(&(*key)(head))).unwrap_or_else(|| {
                log!(ERROR, "the function that knows the peer panicked");
                peers.of(&None::<K>)
            })
        };
        Self(Arc::new(peer))
    }

    fn of<B>(&self, request: &Request<B>, peers: &Peers) -> Peer {
        (self.0)(&RequestHead::of(request), peers)
    }
}

impl fmt::Debug for PeerOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerOf(..)")
    }
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
            peer: self.peer,
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
    peer: Option<PeerOf>,
}

impl GrpcResponder {
    /// Examines the head of a call: it decides the response, or the body has to be read.
    pub(super) fn start<B>(&self, method: HealthMethod, request: &Request<B>) -> CallStart {
        let peers = &self.state.services.peers;
        let peer = || self.peer.as_ref().map(|peer| peer.of(request, peers));
        start_call(method, request, || self.list.allow(request), peer)
    }

    /// Reads the body of a call.
    pub(super) fn read<B: Body>(&self, pending: PendingCall, body: B) -> Call<B> {
        Call::new(pending, body, Arc::clone(&self.state))
    }
}
