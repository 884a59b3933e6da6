//! Where requests are told apart: which are probes, and what each of them gets.

use bytes::Bytes;
use http::{HeaderValue, Request, Version};

use super::answer::{Answer, Asked, Content, Detailed};
use super::details::Details;
use super::paths::{Paths, Sieve};
use super::query::Query;
use crate::grpc;
use crate::health::Health;
use crate::model::{Report, render_text};
use crate::probe::Probe;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What all services of a layer share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) health: Health,
    paths: Paths,
    details: Details,
    grpc: grpc::Face,
    /// Holds back all paths that may get an answer here.
    sieve: Sieve,
}

/// What a request asks for, as far as its path says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Probe(Probe),
    /// A single check of a probe.
    Check,
    /// A method of the gRPC health service.
    Call(grpc::Rpc),
}

impl Desk {
    pub(super) fn new(health: Health, paths: Paths, details: Details, grpc: grpc::Face) -> Self {
        Self {
            sieve: paths.sieve(!details.are_off()).and(grpc.sieve()),
            health,
            paths,
            details,
            grpc,
        }
    }

    /// What a path asks for; `None` if it is the inner service's.
    #[inline(always)]
    pub(super) fn target(&self, path: &str) -> Option<Target> {
        if self.sieve.holds(path) {
            self.look_closer(path)
        } else {
            None
        }
    }

    #[inline(never)]
    fn look_closer(&self, path: &str) -> Option<Target> {
        if let Some(probe) = self.paths.probe(path) {
            Some(Target::Probe(probe))
        } else if let Some(rpc) = self.grpc.rpc(path) {
            Some(Target::Call(rpc))
        } else if !self.details.are_off() && self.paths.parent(path).is_some() {
            Some(Target::Check)
        } else {
            None
        }
    }

    pub(super) fn may_show_details(&self) -> bool {
        !self.details.are_off()
    }

    /// Whether the path is that of a probe.
    pub(super) fn is_probe<B>(&self, request: &Request<B>) -> bool {
        let target = self.target(request.uri().path());
        matches!(target, Some(Target::Probe(_) | Target::Call(_)))
    }

    /// Looks at the head of a call to the gRPC health service.
    pub(super) fn open_call<B>(&self, rpc: grpc::Rpc, request: &Request<B>) -> grpc::Opening {
        self.grpc.open(rpc, request, &self.details)
    }

    #[inline(never)]
    pub(super) fn answer_probe<B>(&self, probe: Probe, request: &Request<B>) -> Answer {
        let Some(asked) = Asked::by(request.method()) else {
            return self.close_if_draining(request, Content::MethodNotAllowed);
        };
        let content = if self.shows_details(request) {
            Content::Detailed(asked, Box::new(self.details(probe, request)))
        } else {
            Content::Public(asked, self.health.published().probe(probe))
        };
        self.close_if_draining(request, content)
    }

    /// `/readyz/{name}`, for those who may see it. For all others there is no such path.
    pub(super) fn answer_check<B>(&self, request: &Request<B>) -> Option<Answer> {
        let (probe, name) = self.paths.parent(request.uri().path())?;
        if name.is_empty() || !self.details.allow(request) {
            return None;
        }
        let content = match Asked::by(request.method()) {
            None => Content::MethodNotAllowed,
            Some(asked) => match self.check_details(probe, name, request) {
                Some(detailed) => Content::Detailed(asked, Box::new(detailed)),
                None => Content::NotFound,
            },
        };
        Some(self.close_if_draining(request, content))
    }

    #[inline]
    fn shows_details<B>(&self, request: &Request<B>) -> bool {
        !self.details.are_off() && self.details.allow(request)
    }

    fn details<B>(&self, probe: Probe, request: &Request<B>) -> Detailed {
        let published = self.health.published();
        // Somebody asked, whoever it was.
        published.probe(probe);
        let snapshot = published.current();
        let query = Query::of(request.uri());
        if query.is_plain() {
            return Detailed {
                status: snapshot.status(probe),
                content_type: published.format.content_type.clone(),
                body: published.rendered(&snapshot, probe),
            };
        }
        let mut report = snapshot.report(probe);
        if self.details.are_for_everybody() {
            report.status = report.status_without(&query.excluded);
        }
        let label = probe.default_path().trim_start_matches('/');
        self.detailed(report, label, &query)
    }

    fn check_details<B>(&self, probe: Probe, name: &str, request: &Request<B>) -> Option<Detailed> {
        let name = percent_encoding::percent_decode_str(name)
            .decode_utf8()
            .ok()?;
        let snapshot = self.health.published().current();
        let report = snapshot.report(probe).only(&name)?;
        self.health.published().probe(probe); // Somebody asked, though for one check only.
        let verbose = Query::of(request.uri()).verbose;
        Some(self.detailed(
            report,
            &name,
            &Query {
                verbose,
                excluded: Vec::new(),
            },
        ))
    }

    fn detailed(&self, mut report: Report<'_>, label: &str, query: &Query<'_>) -> Detailed {
        let status = report.status;
        if query.verbose {
            let body = Bytes::from(render_text(&report, label, &query.excluded));
            return Detailed {
                status,
                content_type: TEXT,
                body,
            };
        }
        report.exclude(&query.excluded);
        let format = &self.health.published().format;
        Detailed {
            status,
            content_type: format.content_type.clone(),
            body: format.render(&report),
        }
    }

    #[inline]
    fn close_if_draining<B>(&self, request: &Request<B>, content: Content) -> Answer {
        // HTTP/2 forbids the field (RFC 9113, section 8.2.2).
        let close =
            request.version() < Version::HTTP_2 && self.health.published().lifecycle.is_draining();
        Answer { content, close }
    }
}
