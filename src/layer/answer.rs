//! What a probe is answered with. Public answers are encoded already.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use http::response::Parts;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};

use super::body::ProbeBody;
use crate::format::HEALTH_JSON;
use crate::grpc::GrpcAnswer;
use crate::model::Status;

/// The whole of what an anonymous caller learns. Its bytes never change.
pub(crate) const fn public_body(status: Status) -> &'static [u8] {
    match status {
        Status::Pass => br#"{"status":"pass"}"#,
        Status::Warn => br#"{"status":"warn"}"#,
        Status::Fail => br#"{"status":"fail"}"#,
    }
}

/// The length of each of them.
const PUBLIC_LENGTH: HeaderValue = HeaderValue::from_static("17");
const _: () = assert!(
    public_body(Status::Pass).len() == 17
        && public_body(Status::Warn).len() == 17
        && public_body(Status::Fail).len() == 17
);

/// 503 is what every prober and balancer takes for "not now" (RFC 9110, section 15.6.4), and 200
/// the only code that all of them take for healthy.
pub(super) fn status_code(status: Status) -> StatusCode {
    if status.is_healthy() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

/// How a probe path was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Get,
    Head,
    /// HAProxy's check unless it is told otherwise.
    Options,
}

impl Asked {
    /// `None` for a method that no probe path answers.
    pub(super) fn by(method: &Method) -> Option<Self> {
        match *method {
            Method::GET => Some(Self::Get),
            Method::HEAD => Some(Self::Head),
            Method::OPTIONS => Some(Self::Options),
            _ => None,
        }
    }

    /// HEAD has the header fields of GET, also the length, but no content (RFC 9110, section
    /// 9.3.2). Not every server strips it.
    fn body(self, body: Bytes) -> ProbeBody {
        if self == Self::Get {
            ProbeBody::new(body)
        } else {
            ProbeBody::default()
        }
    }
}

/// An answer, kept small until the response is made of it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) content: Content,
    /// Asks an HTTP/1 client to come back on a new connection, to another instance.
    pub(super) close: bool,
}

#[derive(Debug)]
pub(super) enum Content {
    Public(Asked, Status),
    Detailed(Asked, Box<Detailed>),
    MethodNotAllowed,
    NotFound,
    Grpc(GrpcAnswer),
}

/// What only those see who may.
#[derive(Debug)]
pub(super) struct Detailed {
    pub(super) status: Status,
    pub(super) content_type: HeaderValue,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn grpc(answer: GrpcAnswer) -> Self {
        Self {
            content: Content::Grpc(answer),
            close: false,
        }
    }

    /// The head of the response, and its body.
    pub(super) fn into_parts(self) -> (Parts, ProbeBody) {
        let (code, mut parts, body) = match self.content {
            Content::Public(Asked::Options, status) => (
                status_code(status),
                WITHOUT_CONTENT.clone(),
                ProbeBody::default(),
            ),
            Content::Public(asked, status) => {
                let body = asked.body(Bytes::from_static(public_body(status)));
                (status_code(status), WITH_CONTENT.clone(), body)
            }
            Content::Detailed(Asked::Options, detailed) => {
                let code = status_code(detailed.status);
                (code, WITHOUT_CONTENT.clone(), ProbeBody::default())
            }
            Content::Detailed(asked, detailed) => {
                let mut parts = WITH_CONTENT.clone();
                parts.headers.insert(CONTENT_TYPE, detailed.content_type);
                let length = detailed.body.len().into();
                parts.headers.insert(CONTENT_LENGTH, length);
                let body = asked.body(detailed.body);
                (status_code(detailed.status), parts, body)
            }
            Content::MethodNotAllowed => {
                let code = StatusCode::METHOD_NOT_ALLOWED;
                (code, WITHOUT_CONTENT.clone(), ProbeBody::default())
            }
            Content::NotFound => {
                let mut parts = WITHOUT_CONTENT.clone();
                parts.headers.remove(ALLOW);
                (StatusCode::NOT_FOUND, parts, ProbeBody::default())
            }
            Content::Grpc(answer) => {
                let (parts, body) = answer.into_parts();
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

/// The head of a public answer. A copy is cheaper than building it anew.
static WITH_CONTENT: LazyLock<Parts> =
    LazyLock::new(|| head([(CONTENT_TYPE, HEALTH_JSON), (CONTENT_LENGTH, PUBLIC_LENGTH)]));

/// The head of an answer to OPTIONS, or to a method that is not allowed.
static WITHOUT_CONTENT: LazyLock<Parts> = LazyLock::new(|| {
    head([
        (ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS")),
        (CONTENT_LENGTH, HeaderValue::from_static("0")),
    ])
});

/// No answer may be stored (RFC 9111, section 5.2.2.5) or taken for another type. None has a
/// validator: a 304 would be healthy to some probers and not to others.
fn head(own: [(HeaderName, HeaderValue); 2]) -> Parts {
    let shared = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    let (mut parts, ()) = Response::new(()).into_parts();
    parts.headers = own.into_iter().chain(shared).collect();
    parts
}
