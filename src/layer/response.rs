//! The response to a probe. A public one is encoded in advance.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use http::response::Parts;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};

use super::body::ProbeBody;
#[cfg(feature = "grpc")]
use crate::grpc::GrpcResponse;
use crate::model::{Status, public_body};
use crate::state::HEALTH_JSON;

/// A response, kept small until its parts are made.
#[derive(Debug)]
pub(super) struct ProbeResponse {
    pub(super) kind: ResponseKind,
    /// Closes the connection of an HTTP/1 client, so that it reconnects to another instance.
    pub(super) close: bool,
}

#[derive(Debug)]
pub(super) enum ResponseKind {
    Public(ProbeMethod, Status),
    Detailed(ProbeMethod, Box<DetailedBody>),
    MethodNotAllowed,
    #[cfg(feature = "grpc")]
    Grpc(GrpcResponse),
}

#[cfg(feature = "metrics")]
impl ResponseKind {
    /// Returns the status that the response tells, if it tells one.
    pub(super) fn health(&self) -> Option<Status> {
        match self {
            Self::Public(_, status) => Some(*status),
            Self::Detailed(_, body) => Some(body.status),
            Self::MethodNotAllowed => None,
            #[cfg(feature = "grpc")]
            Self::Grpc(_) => None,
        }
    }
}

/// The body for a caller who may see details.
#[derive(Debug)]
pub(super) struct DetailedBody {
    pub(super) status: Status,
    pub(super) content_type: HeaderValue,
    pub(super) bytes: Bytes,
}

/// A method that probe paths answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProbeMethod {
    Get,
    Head,
    /// What HAProxy sends by default.
    Options,
}

impl ProbeMethod {
    /// Returns `None` for a method that no probe path answers.
    pub(super) fn of(method: &Method) -> Option<Self> {
        match *method {
            Method::GET => Some(Self::Get),
            Method::HEAD => Some(Self::Head),
            Method::OPTIONS => Some(Self::Options),
            _ => None,
        }
    }

    /// HEAD has the header fields of GET, `content-length` included, but no content (RFC 9110,
    /// section 9.3.2). Not every server strips it.
    fn body(self, bytes: Bytes) -> ProbeBody {
        if self == Self::Get {
            ProbeBody::new(bytes)
        } else {
            ProbeBody::default()
        }
    }
}

impl ProbeResponse {
    #[cfg(feature = "grpc")]
    pub(super) fn grpc(response: GrpcResponse) -> Self {
        Self {
            kind: ResponseKind::Grpc(response),
            close: false,
        }
    }

    /// Makes the head and the body of the response.
    pub(super) fn into_parts(self) -> (Parts, ProbeBody) {
        let (code, mut parts, body) = match self.kind {
            ResponseKind::Public(ProbeMethod::Options, status) => (
                status_code(status),
                WITHOUT_CONTENT.clone(),
                ProbeBody::default(),
            ),
            ResponseKind::Public(method, status) => {
                let body = method.body(Bytes::from_static(public_body(status)));
                (status_code(status), WITH_CONTENT.clone(), body)
            }
            ResponseKind::Detailed(ProbeMethod::Options, detailed) => {
                let code = status_code(detailed.status);
                (code, WITHOUT_CONTENT.clone(), ProbeBody::default())
            }
            ResponseKind::Detailed(method, detailed) => {
                let mut parts = WITH_CONTENT.clone();
                parts.headers.insert(CONTENT_TYPE, detailed.content_type);
                let length = detailed.bytes.len().into();
                parts.headers.insert(CONTENT_LENGTH, length);
                let body = method.body(detailed.bytes);
                (status_code(detailed.status), parts, body)
            }
            ResponseKind::MethodNotAllowed => {
                let code = StatusCode::METHOD_NOT_ALLOWED;
                (code, WITHOUT_CONTENT.clone(), ProbeBody::default())
            }
            #[cfg(feature = "grpc")]
            ResponseKind::Grpc(response) => {
                let (parts, body) = response.into_parts();
                return (parts, ProbeBody::grpc(body));
            }
        };
        parts.status = code;
        if self.close {
            let close = HeaderValue::from_static("close");
            parts.headers.insert(CONNECTION, close);
        }
        (parts, body)
    }
}

/// Every prober and load balancer reads 503 as "not now" (RFC 9110, section 15.6.4). 200 is the only
/// code that all of them read as healthy.
fn status_code(status: Status) -> StatusCode {
    if status.is_healthy() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

/// The length of every public body.
const PUBLIC_LENGTH: HeaderValue = HeaderValue::from_static("17");
const _: () = assert!(
    public_body(Status::Pass).len() == 17
        && public_body(Status::Warn).len() == 17
        && public_body(Status::Fail).len() == 17
);

/// The head of a public response. A copy costs less than building it again.
static WITH_CONTENT: LazyLock<Parts> =
    LazyLock::new(|| head([(CONTENT_TYPE, HEALTH_JSON), (CONTENT_LENGTH, PUBLIC_LENGTH)]));

/// The head of a response to OPTIONS, or to a method that is not allowed.
static WITHOUT_CONTENT: LazyLock<Parts> = LazyLock::new(|| {
    head([
        (ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS")),
        (CONTENT_LENGTH, HeaderValue::from_static("0")),
    ])
});

/// Makes a head that forbids storing (RFC 9111, section 5.2.2.5) and guessing another type. It has no
/// validator: some probers read 304 as healthy, and others do not.
fn head(own: [(HeaderName, HeaderValue); 2]) -> Parts {
    let shared = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    let (mut parts, ()) = Response::new(()).into_parts();
    parts.headers = own.into_iter().chain(shared).collect();
    parts
}
