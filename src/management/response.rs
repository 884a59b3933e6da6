//! The responses of the port, apart from those to probes.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

/// Response body of the management port.
#[derive(Debug, Default)]
pub struct ManagementBody(
    /// `None` if the body is empty, or was read.
    Option<Bytes>,
);

impl ManagementBody {
    fn new(bytes: Bytes) -> Self {
        Self(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl Body for ManagementBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// What a route answers, before the method decides whether the body is sent.
pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    pub(super) fn new(status: StatusCode, content_type: &'static str, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self {
            status,
            headers,
            body,
        }
    }

    /// A line of text, for a person who typed the request.
    pub(super) fn line(status: StatusCode, line: impl Into<String>) -> Self {
        let text = line.into() + "\n";
        Self::new(status, "text/plain; charset=utf-8", Bytes::from(text))
    }

    pub(super) fn json(status: StatusCode, value: &serde_json::Value) -> Self {
        let mut text = value.to_string();
        text.push('\n');
        Self::new(status, "application/json", Bytes::from(text))
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

/// A response to a probe, as the layer makes it.
pub(super) fn probe(response: Response<Bytes>) -> Response<ManagementBody> {
    guarded(response.map(ManagementBody::new))
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
