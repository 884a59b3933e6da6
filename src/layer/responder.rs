//! The responder: it makes the response to a probe from the shared state.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Version};

use super::details::Details;
use super::query::Query;
use super::response::{DetailedBody, ProbeMethod, ProbeResponse, ResponseKind};
use crate::model::{Probe, Report, render_text};
use crate::state::SharedState;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

#[derive(Debug)]
pub(super) struct Responder {
    state: Arc<SharedState>,
    details: Details,
}

impl Responder {
    pub(super) fn new(state: Arc<SharedState>, details: Details) -> Self {
        Self { state, details }
    }

    /// Responds to a request on the path of a probe.
    // Out of line, to keep the common path of the service small.
    #[inline(never)]
    pub(super) fn probe<B>(&self, probe: Probe, request: &Request<B>) -> ProbeResponse {
        let kind = match ProbeMethod::of(request.method()) {
            None => ResponseKind::MethodNotAllowed,
            Some(method) if self.shows_details(request) => {
                ResponseKind::Detailed(method, Box::new(self.details_of(probe, request)))
            }
            Some(method) => ResponseKind::Public(method, self.state.probe(probe)),
        };
        #[cfg(feature = "metrics")]
        self.state.count_http_probe(probe, || kind.health());
        self.respond(request, kind)
    }

    /// Responds to a request on the path of one check. Returns `None` if there is no such check, or if
    /// the caller may not see details: the path then belongs to the inner service.
    pub(super) fn check<B>(&self, probe: Probe, request: &Request<B>) -> Option<ProbeResponse> {
        // The policy comes first, so that the time of an answer tells no stranger which names exist.
        if !self.details.allow(request) {
            return None;
        }
        let (_, encoded_name) = request.uri().path().rsplit_once('/')?;
        let name = percent_encoding::percent_decode_str(encoded_name)
            .decode_utf8()
            .ok()?;
        let snapshot = self.state.current();
        let report = snapshot.report(probe).only(&name)?;
        let kind = match ProbeMethod::of(request.method()) {
            None => ResponseKind::MethodNotAllowed,
            Some(method) => {
                // Records a probe, although the caller reads one check only.
                self.state.probe(probe);
                let is_verbose = Query::of(request.uri(), &self.state.limits).verbose;
                let body = self.render(report, &name, &[], is_verbose);
                ResponseKind::Detailed(method, Box::new(body))
            }
        };
        #[cfg(feature = "metrics")]
        self.state.count_http_probe(probe, || kind.health());
        Some(self.respond(request, kind))
    }

    /// Returns whether any caller can see details.
    #[inline]
    pub(super) fn may_show_details(&self) -> bool {
        !self.details.are_off()
    }

    #[inline]
    fn shows_details<B>(&self, request: &Request<B>) -> bool {
        self.may_show_details() && self.details.allow(request)
    }

    fn details_of<B>(&self, probe: Probe, request: &Request<B>) -> DetailedBody {
        let state = &self.state;
        // Records a probe, as the public answer does.
        state.probe(probe);
        let snapshot = state.current();
        let query = Query::of(request.uri(), &state.limits);
        if query.is_plain() {
            return DetailedBody {
                status: snapshot.status(probe),
                content_type: state.format.content_type.clone(),
                bytes: state.rendered(&snapshot, probe),
            };
        }
        let mut report = snapshot.report(probe);
        if self.details.are_for_every_caller() {
            report.status = report.status_without(&query.excluded);
        }
        let label = probe.default_path().trim_start_matches('/');
        self.render(report, label, &query.excluded, query.verbose)
    }

    fn render(
        &self,
        mut report: Report<'_>,
        label: &str,
        excluded: &[Cow<'_, str>],
        is_verbose: bool,
    ) -> DetailedBody {
        let status = report.status;
        if is_verbose {
            return DetailedBody {
                status,
                content_type: TEXT,
                bytes: Bytes::from(render_text(&report, label, excluded)),
            };
        }
        report.exclude(excluded);
        let format = &self.state.format;
        DetailedBody {
            status,
            content_type: format.content_type.clone(),
            bytes: format.render(&report),
        }
    }

    /// HTTP/2 forbids `connection: close` (RFC 9113, section 8.2.2).
    #[inline]
    fn respond<B>(&self, request: &Request<B>, kind: ResponseKind) -> ProbeResponse {
        let close = request.version() < Version::HTTP_2 && self.state.lifecycle.is_draining();
        ProbeResponse { kind, close }
    }
}
