//! The tower service: every request to the management port, and its response.

use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use http::{Method, Request, Response, StatusCode};
use tower_service::Service;

use super::activity::Activity;
use super::backlog::Backlog;
use super::facts;
use super::future::ManagementFuture;
#[cfg(feature = "__recorder")]
use super::history::Source;
use super::history::{Memory, Query};
use super::hosts::Hosts;
use super::recent::Recent;
use super::response::{Answer, ManagementBody, bounded, bounded_verdict, probe, stream};
use super::routes::{Resource, Route};
use super::streams::Streams;
use crate::catch::log;
use crate::layer::Details;
use crate::page::{EVENTS_HEADERS, PAGE_HEADERS, Pages};
use crate::{HealthLayer, WeakHealth};

/// The management port as a tower service, for a listener or a TLS acceptor of your own.
///
/// [`Management::service`](super::Management::service) makes it. It never fails, is always ready,
/// reads no body, and answers every request without waiting, apart from a `/history` that asks the
/// [archive](super::Management::history). Clones are cheap.
#[derive(Clone)]
pub struct ManagementService {
    shared: Arc<Shared>,
    via: Via,
    /// `Some` if the service is that of one connection of the port's own server.
    activity: Option<Arc<Activity>>,
}

/// How a client reaches the port.
#[derive(Clone, Copy, Debug)]
pub(super) enum Via {
    /// Through a network, at this address if the server knows it.
    Network(Option<IpAddr>),
    /// Through a Unix socket, which no browser can.
    #[cfg(unix)]
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
    /// `Some` if the history reaches back beyond memory.
    #[cfg(feature = "__recorder")]
    pub(super) source: Option<Source>,
    pub(super) pages: Pages,
    pub(super) streams: Streams,
    /// The whole history.
    pub(super) history: Recent,
    pub(super) backlog: Backlog,
}

/// Why a caller gets no details.
enum Refusal {
    UnknownHost,
    NoToken,
}

impl ManagementService {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            via: Via::Network(None),
            activity: None,
        }
    }

    /// Returns the service for the connections of clients that come this way.
    pub(super) fn via(&self, via: Via) -> Self {
        Self {
            via,
            ..self.clone()
        }
    }

    /// Returns the service for one connection, whose streams of events keep it open.
    pub(super) fn of_connection(self, activity: Arc<Activity>) -> Self {
        Self {
            activity: Some(activity),
            ..self
        }
    }

    pub(super) fn respond<B>(&self, request: &Request<B>) -> ManagementFuture {
        self.shared
            .respond(request, self.via, self.activity.as_ref())
    }
}

impl<B> Service<Request<B>> for ManagementService {
    type Response = Response<ManagementBody>;
    type Error = Infallible;
    type Future = ManagementFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.respond(&request)
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
    fn respond<B>(
        &self,
        request: &Request<B>,
        via: Via,
        activity: Option<&Arc<Activity>>,
    ) -> ManagementFuture {
        let refusal = self.refusal(request, via);
        let answer = match (Route::of(request.uri().path()), refusal) {
            (None, _) => Answer::not_found(),
            (Some(Route::Resource(Resource::Drain)), _) if !self.allows_drain => {
                Answer::not_found()
            }
            // A probe has its status without a token, and under every host.
            (Some(Route::Probe), Some(_)) => return self.probe(&self.plain, request).into(),
            (Some(Route::Probe | Route::Check), None) => {
                return self.probe(&self.detailed, request).into();
            }
            (Some(_), Some(refusal)) => refusal.into(),
            (Some(Route::Events), None) => return self.events(request.method(), activity).into(),
            (Some(Route::History), None) => {
                return self.history(request, activity);
            }
            (Some(Route::Resource(resource)), None) => self.resource(resource, request),
        };
        bounded(answer.into_response(request.method()), &self.backlog).into()
    }

    /// Returns why the caller gets no details; `None` if it gets them.
    fn refusal<B>(&self, request: &Request<B>, via: Via) -> Option<Refusal> {
        let is_known = match via {
            Via::Network(own) => self.hosts.allow(request, own),
            #[cfg(unix)]
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
            Some(response) => bounded_verdict(probe(response), &self.backlog),
            None => Answer::not_found().into_response(request.method()),
        }
    }

    fn resource<B>(&self, resource: Resource, request: &Request<B>) -> Answer {
        let method = request.method();
        if resource == Resource::Drain && method != Method::POST {
            return Answer::method_not_allowed("POST");
        }
        if resource != Resource::Drain && !is_read(method) {
            return Answer::method_not_allowed("GET, HEAD");
        }
        // For the length of the response only: the port must not keep the health alive.
        let Some(health) = self.health.upgrade() else {
            return Answer::ended();
        };
        match resource {
            Resource::Page => Answer::ready(PAGE_HEADERS, self.pages.page(&health).html),
            Resource::Info => Answer::json(StatusCode::OK, &facts::of(&health)),
            #[cfg(feature = "metrics")]
            Resource::Metrics => scraped(crate::metrics::render(&health, accepted(request))),
            #[cfg(feature = "metrics")]
            Resource::MetricsSlis => {
                scraped(crate::metrics::render_slis(&health, accepted(request)))
            }
            Resource::Drain => {
                let began = !health.is_draining();
                health.drain();
                if began {
                    log!(INFO, "the management port began a drain");
                }
                Answer::line(StatusCode::OK, "draining")
            }
        }
    }

    fn history<B>(
        &self,
        request: &Request<B>,
        activity: Option<&Arc<Activity>>,
    ) -> ManagementFuture {
        let method = request.method();
        let at_once = |answer: Answer| bounded(answer.into_response(method), &self.backlog).into();
        if !is_read(method) {
            return at_once(Answer::method_not_allowed("GET, HEAD"));
        }
        let query = request.uri().query();
        let is_whole = query.is_none();
        let query = match Query::parse(query.unwrap_or_default(), SystemTime::now()) {
            Ok(query) => query,
            Err(fault) => return at_once(Answer::line(StatusCode::BAD_REQUEST, fault)),
        };
        // Not kept while the archive is asked: the port must not keep the health alive.
        let Some(health) = self.health.upgrade() else {
            return at_once(Answer::ended());
        };
        if is_whole {
            let make = || Memory::read(&health, &query).into_answer();
            return at_once(self.history.get(&health, make));
        }
        let memory = Memory::read(&health, &query);
        #[cfg(feature = "__recorder")]
        if let (Some(source), Some(since)) = (&self.source, memory.begins_after(&query)) {
            let asked = source.clone().ask(query, since);
            let busy = activity.map(Activity::busy);
            let (method, backlog) = (method.clone(), self.backlog.clone());
            return ManagementFuture::waiting(async move {
                let _busy = busy;
                let answer = memory.with(asked.await).into_answer();
                bounded(answer.into_response(&method), &backlog)
            });
        }
        #[cfg(not(feature = "__recorder"))]
        let _ = activity;
        at_once(memory.into_answer())
    }

    fn events(
        &self,
        method: &Method,
        activity: Option<&Arc<Activity>>,
    ) -> Response<ManagementBody> {
        if !is_read(method) {
            return Answer::method_not_allowed("GET, HEAD").into_response(method);
        }
        let Some(health) = self.health.upgrade() else {
            return Answer::ended().into_response(method);
        };
        let body = if method == Method::HEAD {
            ManagementBody::default()
        } else {
            let events = self.pages.events(&health);
            let backlog = self.backlog.clone();
            ManagementBody::stream(self.streams.open(events, activity.cloned(), backlog))
        };
        stream(EVENTS_HEADERS, body)
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

#[cfg(feature = "metrics")]
fn accepted<B>(request: &Request<B>) -> Option<&str> {
    request.headers().get(http::header::ACCEPT)?.to_str().ok()
}

/// 200 whatever the health is: a scraper drops the samples of any other answer.
#[cfg(feature = "metrics")]
fn scraped((content_type, text): (http::HeaderValue, bytes::Bytes)) -> Answer {
    Answer::new(StatusCode::OK, content_type, text)
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownHost => Self::misdirected(),
            Refusal::NoToken => Self::unauthorized(),
        }
    }
}
