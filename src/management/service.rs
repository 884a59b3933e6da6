//! The tower service: every request to the management port, and its response.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Method, Request, Response, StatusCode};
use tower_service::Service;

use super::hosts::Hosts;
use super::response::{Answer, ManagementBody, probe};
use super::routes::{Resource, Route};
use super::{facts, history};
use crate::layer::Details;
use crate::{Health, HealthLayer, WeakHealth};

/// The management port as a tower service, for a listener or a TLS acceptor of your own.
///
/// [`Management::service`](super::Management::service) makes it. It never fails, is always ready,
/// reads no body, and answers every request without waiting. Clones are cheap.
#[derive(Clone)]
pub struct ManagementService {
    shared: Arc<Shared>,
    via: Via,
    /// `Some` if the service keeps the health alive.
    _health: Option<Health>,
}

/// How a client reaches the port.
#[derive(Clone, Copy, Debug)]
pub(super) enum Via {
    /// Through a network, at this address if the server knows it.
    Network(Option<IpAddr>),
    /// Through a Unix socket, which no browser can.
    UnixSocket,
}

pub(super) struct Shared {
    pub(super) health: WeakHealth,
    /// Answers probes of callers who may see a status only.
    pub(super) plain: HealthLayer,
    /// Answers probes of callers who may see details.
    pub(super) detailed: HealthLayer,
    pub(super) hosts: Hosts,
    /// `Some` if callers need a token.
    pub(super) token: Option<Details>,
    pub(super) allows_drain: bool,
}

/// Why a caller gets no details.
enum Refusal {
    UnknownHost,
    NoToken,
}

impl ManagementService {
    pub(super) fn new(shared: Arc<Shared>, health: Option<Health>) -> Self {
        Self {
            shared,
            via: Via::Network(None),
            _health: health,
        }
    }

    /// Returns the service for the connections of clients that come this way.
    pub(super) fn via(&self, via: Via) -> Self {
        Self {
            via,
            ..self.clone()
        }
    }

    pub(super) fn respond<B>(&self, request: &Request<B>) -> Response<ManagementBody> {
        self.shared.respond(request, self.via)
    }
}

impl<B> Service<Request<B>> for ManagementService {
    type Response = Response<ManagementBody>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.respond(&request)))
    }
}

impl fmt::Debug for ManagementService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagementService")
            .field("via", &self.via)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn respond<B>(&self, request: &Request<B>, via: Via) -> Response<ManagementBody> {
        let refusal = self.refusal(request, via);
        let answer = match (Route::of(request.uri().path()), refusal) {
            (None, _) => None,
            // A probe has its status without a token, and under every host.
            (Some(Route::Probe), Some(_)) => return self.probe(&self.plain, request),
            (Some(Route::Probe | Route::Check), None) => {
                return self.probe(&self.detailed, request);
            }
            (Some(Route::Resource(Resource::Drain)), _) if !self.allows_drain => None,
            (Some(Route::Resource(_) | Route::Check), Some(refusal)) => Some(refusal.into()),
            (Some(Route::Resource(resource)), None) => Some(self.resource(resource, request)),
        };
        let answer = answer.unwrap_or_else(Answer::not_found);
        answer.into_response(request.method())
    }

    /// Returns why the caller gets no details; `None` if it gets them.
    fn refusal<B>(&self, request: &Request<B>, via: Via) -> Option<Refusal> {
        let is_known = match via {
            Via::Network(own) => self.hosts.allow(request, own),
            Via::UnixSocket => true,
        };
        let has_token = self.token.as_ref().is_none_or(|token| token.allow(request));
        if !is_known {
            Some(Refusal::UnknownHost)
        } else if !has_token {
            Some(Refusal::NoToken)
        } else {
            None
        }
    }

    fn probe<B>(&self, layer: &HealthLayer, request: &Request<B>) -> Response<ManagementBody> {
        match layer.respond(request) {
            Some(response) => probe(response),
            None => Answer::not_found().into_response(request.method()),
        }
    }

    fn resource<B>(&self, resource: Resource, request: &Request<B>) -> Answer {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        match resource {
            Resource::Drain if request.method() != Method::POST => {
                return Answer::method_not_allowed("POST");
            }
            Resource::History | Resource::Info if !is_read => {
                return Answer::method_not_allowed("GET, HEAD");
            }
            _ => {}
        }
        // For the length of the response only: the port must not keep the health alive.
        let Some(health) = self.health.upgrade() else {
            return Answer::ended();
        };
        match resource {
            Resource::Info => Answer::json(StatusCode::OK, &facts::of(&health)),
            Resource::History => history::answer(&health, request.uri().query()),
            Resource::Drain => {
                if !health.is_draining() {
                    tracing::info!(target: "tower_health", "the management port began a drain");
                }
                health.drain();
                Answer::line(StatusCode::OK, "draining")
            }
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownHost => Self::misdirected(),
            Refusal::NoToken => Self::unauthorized(),
        }
    }
}
