//! Responses of the health service: messages, or a status alone.

use std::sync::LazyLock;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::body::GrpcBody;
use super::status::{Code, GrpcStatus};

const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const APPLICATION_GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// The response to a call of the health service.
#[derive(Debug)]
pub(crate) enum GrpcResponse {
    /// Messages, then trailers.
    Messages(GrpcBody),
    /// A status in the header fields: "Trailers-Only".
    Failed(GrpcStatus),
    /// An HTTP error, for a request that is no gRPC call. It must not look healthy to a client that
    /// reads only the HTTP status code.
    Refused(Refusal),
}

/// Why a request on a path of the health service is no gRPC call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A gRPC call is a POST.
    Method,
    /// A gRPC call has the content type `application/grpc`. grpc-go answers others the same way.
    ContentType,
    /// gRPC needs the trailers of HTTP/2.
    Version,
}

impl From<GrpcStatus> for GrpcResponse {
    fn from(status: GrpcStatus) -> Self {
        Self::Failed(status)
    }
}

impl GrpcResponse {
    /// Makes the head and the body of the response; `None` stands for an empty body.
    pub(crate) fn into_parts(self) -> (Parts, Option<GrpcBody>) {
        let mut parts = HEAD.clone();
        let headers = &mut parts.headers;
        let body = match self {
            Self::Messages(body) => Some(body),
            Self::Failed(status) => {
                headers.extend(status.into_trailers());
                if status.code() == Code::Unimplemented {
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

/// The head of a response. A copy costs less than building it again.
static HEAD: LazyLock<Parts> = LazyLock::new(|| {
    let (mut parts, ()) = Response::new(()).into_parts();
    parts.headers.insert(CONTENT_TYPE, APPLICATION_GRPC);
    parts
});
