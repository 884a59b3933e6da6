//! Status codes, and the answers that carry nothing else.

use std::sync::LazyLock;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::body::GrpcBody;

pub(super) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
pub(super) const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const APPLICATION_GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// The codes that are used here, by their [numbers][codes].
///
/// [codes]: https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    NotFound = 5,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
}

impl Code {
    fn value(self) -> HeaderValue {
        HeaderValue::from(self as u16)
    }
}

/// Why a call fails. The message has no character that `grpc-message` would have to escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GrpcStatus {
    code: Code,
    message: &'static str,
}

impl GrpcStatus {
    pub(super) const fn new(code: Code, message: &'static str) -> Self {
        Self { code, message }
    }

    pub(super) fn into_trailers(self) -> HeaderMap {
        let mut trailers = HeaderMap::with_capacity(2);
        trailers.insert(GRPC_STATUS, self.code.value());
        trailers.insert(GRPC_MESSAGE, HeaderValue::from_static(self.message));
        trailers
    }
}

/// What a call to the health service is answered with.
#[derive(Debug)]
pub(crate) enum GrpcAnswer {
    /// Messages, then trailers.
    Messages(GrpcBody),
    /// Only a status, in the header fields: "Trailers-Only".
    Failed(GrpcStatus),
    /// Not a gRPC call at all. It must not look healthy to whoever looks at codes only.
    Refused(Refusal),
}

/// Why a request to a path of the health service is not a gRPC call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// gRPC calls are POST.
    Method,
    /// As grpc-go answers.
    ContentType,
    /// gRPC needs HTTP/2, for its trailers.
    Version,
}

impl From<GrpcStatus> for GrpcAnswer {
    fn from(status: GrpcStatus) -> Self {
        Self::Failed(status)
    }
}

impl GrpcAnswer {
    /// The response, but for its body: `None` stands for an empty one.
    pub(crate) fn into_parts(self) -> (Parts, Option<GrpcBody>) {
        let mut parts = HEAD.clone();
        let headers = &mut parts.headers;
        let body = match self {
            Self::Messages(body) => Some(body),
            Self::Failed(status) => {
                headers.extend(status.into_trailers());
                if status.code == Code::Unimplemented {
                    let identity = HeaderValue::from_static("identity");
                    headers.insert(GRPC_ACCEPT_ENCODING, identity);
                }
                None
            }
            Self::Refused(refusal) => {
                headers.remove(CONTENT_TYPE);
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                parts.status = match refusal {
                    Refusal::Method => {
                        headers.insert(ALLOW, HeaderValue::from_static("POST"));
                        StatusCode::METHOD_NOT_ALLOWED
                    }
                    Refusal::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    Refusal::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
                };
                None
            }
        };
        (parts, body)
    }
}

/// The head of an answer. A copy is cheaper than building it anew.
static HEAD: LazyLock<Parts> = LazyLock::new(|| {
    let (mut parts, ()) = Response::new(()).into_parts();
    parts.headers.insert(CONTENT_TYPE, APPLICATION_GRPC);
    parts
});
