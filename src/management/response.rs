//! The responses of the port, apart from those to probes.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

use super::backlog::Backlog;
use super::streams::Stream;

/// Response body of the management port: some bytes, or the stream of `/events`.
#[derive(Debug, Default)]
pub struct ManagementBody(Kind);

#[derive(Debug)]
enum Kind {
    /// `None` if the body is empty, or was read.
    Bytes(Option<Bytes>),
    Stream(Stream),
}

impl Default for Kind {
    fn default() -> Self {
        Self::Bytes(None)
    }
}

impl ManagementBody {
    fn new(bytes: Bytes) -> Self {
        Self(Kind::Bytes(Some(bytes).filter(|bytes| !bytes.is_empty())))
    }

    pub(super) fn stream(stream: Stream) -> Self {
        Self(Kind::Stream(stream))
    }
}

impl Body for ManagementBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.0 {
            Kind::Bytes(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Stream(stream) => Pin::new(stream).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Bytes(bytes) => bytes.is_none(),
            Kind::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Bytes(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Kind::Stream(_) => SizeHint::default(),
        }
    }
}

/// What a route answers, before the method decides whether the body is sent.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    pub(super) fn new(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Self {
        Self {
            status,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, content_type)]),
            body,
        }
    }

    /// With header fields that stand in advance.
    pub(super) fn ready<const N: usize>(
        headers: [(HeaderName, HeaderValue); N],
        body: Bytes,
    ) -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter(headers),
            body,
        }
    }

    /// A line of text, for a person who typed the request.
    pub(super) fn line(status: StatusCode, line: impl Into<String>) -> Self {
        let text = line.into() + "\n";
        let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
        Self::new(status, content_type, Bytes::from(text))
    }

    pub(super) fn json(status: StatusCode, value: &serde_json::Value) -> Self {
        let mut text = value.to_string();
        text.push('\n');
        let content_type = HeaderValue::from_static("application/json");
        Self::new(status, content_type, Bytes::from(text))
    }

    pub(super) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    pub(super) fn not_found() -> Self {
        Self::line(StatusCode::NOT_FOUND, "not found")
    }

    pub(super) fn method_not_allowed(allowed: &'static str) -> Self {
        let code = StatusCode::METHOD_NOT_ALLOWED;
        Self::line(code, format!("allowed: {allowed}")).with(ALLOW, allowed)
    }

    /// The host is not one that the port is known by (RFC 9110, section 15.5.20).
    pub(super) fn misdirected() -> Self {
        let line = "this host name is not allowed here: use an address, or allow the name in the \
                    settings of the management port";
        Self::line(StatusCode::MISDIRECTED_REQUEST, line)
    }

    /// RFC 6750, section 3.
    pub(super) fn unauthorized() -> Self {
        let answer = Self::line(StatusCode::UNAUTHORIZED, "a bearer token is needed");
        answer.with(WWW_AUTHENTICATE, "Bearer realm=\"management\"")
    }

    /// Too many bytes wait for readers that do not read.
    fn crowded() -> Self {
        let line = "too many answers wait to be read";
        let answer = Self::line(StatusCode::SERVICE_UNAVAILABLE, line);
        answer.with(RETRY_AFTER, "1")
    }

    pub(super) fn ended() -> Self {
        Self::line(StatusCode::SERVICE_UNAVAILABLE, "the health has ended")
    }

    /// Not every server strips the body of a response to HEAD (RFC 9110, section 9.3.2).
    pub(super) fn into_response(self, method: &Method) -> Response<ManagementBody> {
        let length = self.body.len();
        let body = if method == Method::HEAD {
            ManagementBody::default()
        } else {
            ManagementBody::new(self.body)
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
        guarded(response)
    }
}

/// The response of a stream that began, or to HEAD, which begins none.
pub(super) fn stream<const N: usize>(
    headers: [(HeaderName, HeaderValue); N],
    body: ManagementBody,
) -> Response<ManagementBody> {
    let mut response = Response::new(body);
    *response.headers_mut() = HeaderMap::from_iter(headers);
    guarded(response)
}

/// A response to a probe, as the layer makes it.
pub(super) fn probe(response: Response<Bytes>) -> Response<ManagementBody> {
    guarded(response.map(ManagementBody::new))
}

/// Returns the response with bytes that count while they wait, or a refusal if there is no room.
pub(super) fn bounded(
    mut response: Response<ManagementBody>,
    backlog: &Backlog,
) -> Response<ManagementBody> {
    if admit(&mut response, backlog) {
        response
    } else {
        Answer::crowded().into_response(&Method::GET)
    }
}

/// Returns the response to a probe with bytes that count while they wait. If there is no room, it has
/// its code and no body: readers that do not read must not turn a light red.
pub(super) fn bounded_verdict(
    mut response: Response<ManagementBody>,
    backlog: &Backlog,
) -> Response<ManagementBody> {
    if !admit(&mut response, backlog) {
        response.headers_mut().remove(CONTENT_TYPE);
        response.headers_mut().insert(CONTENT_LENGTH, 0.into());
    }
    response
}

/// Returns whether there is room for the body. If not, the response has none any more.
fn admit(response: &mut Response<ManagementBody>, backlog: &Backlog) -> bool {
    if let Kind::Bytes(bytes) = &mut response.body_mut().0 {
        if let Some(waiting) = bytes.take() {
            *bytes = backlog.admit(waiting);
            return bytes.is_some();
        }
    }
    true
}

/// Adds the fields that keep a browser from storing, guessing, framing or sharing what it got. A
/// field that is there stays.
fn guarded(mut response: Response<ManagementBody>) -> Response<ManagementBody> {
    const FIELDS: [(HeaderName, &str); 6] = [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in FIELDS {
        let field = response.headers_mut().entry(name);
        field.or_insert(HeaderValue::from_static(value));
    }
    response
}
