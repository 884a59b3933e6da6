//! Where requests are told apart: which are probes, and what each of them gets.

use bytes::Bytes;
use http::{HeaderValue, Request, Version};

use super::answer::{Answer, Asked, Content, Detailed};
use super::details::Details;
use super::paths::{Lengths, Paths};
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
    /// The lengths of all paths that may get an answer here: most requests are told apart by them.
    lengths: Lengths,
}

/// What becomes of a request.
pub(super) enum Reception {
    /// The inner service is to have it.
    Passed,
    Answered(Answer),
    /// What it asks stands in its body.
    Read(grpc::Pending),
}

impl Desk {
    pub(super) fn new(health: Health, paths: Paths, details: Details, grpc: grpc::Face) -> Self {
        let lengths = if details.are_off() {
            paths.lengths().and(grpc.lengths())
        } else {
            Lengths::all()
        };
        Self {
            health,
            paths,
            details,
            grpc,
            lengths,
        }
    }

    #[inline(always)]
    pub(super) fn receive<B>(&self, request: &Request<B>) -> Reception {
        if self.lengths.have(request.uri().path()) {
            self.look_closer(request)
        } else {
            Reception::Passed
        }
    }

    #[inline(never)]
    fn look_closer<B>(&self, request: &Request<B>) -> Reception {
        let path = request.uri().path();
        if let Some(probe) = self.paths.probe(path) {
            return Reception::Answered(self.answer_probe(probe, request));
        }
        if let Some(opening) = self.grpc.open(request, &self.details) {
            return match opening {
                grpc::Opening::Answered(answer) => Reception::Answered(Answer::grpc(answer)),
                grpc::Opening::Reads(pending) => Reception::Read(pending),
            };
        }
        if self.details.are_off() {
            return Reception::Passed;
        }
        let answer = self.answer_check(request);
        answer.map_or(Reception::Passed, Reception::Answered)
    }

    /// Whether the path is that of a probe.
    pub(super) fn is_probe<B>(&self, request: &Request<B>) -> bool {
        let path = request.uri().path();
        self.paths.probe(path).is_some() || self.grpc.is_call(path)
    }

    fn answer_probe<B>(&self, probe: Probe, request: &Request<B>) -> Answer {
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
    fn answer_check<B>(&self, request: &Request<B>) -> Option<Answer> {
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
