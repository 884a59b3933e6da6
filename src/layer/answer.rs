//! What a probe is answered with. Public answers are encoded already.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::body::ProbeBody;
use crate::format::HEALTH_JSON;
use crate::model::Status;

const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const CLOSE: HeaderValue = HeaderValue::from_static("close");
const ZERO: HeaderValue = HeaderValue::from_static("0");

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
}

/// What only those see who may.
#[derive(Debug)]
pub(super) struct Detailed {
    pub(super) status: Status,
    pub(super) content_type: HeaderValue,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn into_response(self) -> Response<ProbeBody> {
        // Six fit into the smallest map that holds these four.
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(CACHE_CONTROL, NO_STORE);
        headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        if self.close {
            headers.insert(CONNECTION, CLOSE);
        }
        let (code, body) = match self.content {
            Content::Public(asked, status) => {
                let body = Bytes::from_static(public_body(status));
                (
                    status_code(status),
                    content(&mut headers, asked, HEALTH_JSON, PUBLIC_LENGTH, body),
                )
            }
            Content::Detailed(asked, detailed) => {
                let Detailed {
                    status,
                    content_type,
                    body,
                } = *detailed;
                let length = HeaderValue::from(body.len());
                (
                    status_code(status),
                    content(&mut headers, asked, content_type, length, body),
                )
            }
            Content::MethodNotAllowed => {
                headers.insert(ALLOW, ALLOWED);
                (StatusCode::METHOD_NOT_ALLOWED, empty(&mut headers))
            }
            Content::NotFound => (StatusCode::NOT_FOUND, empty(&mut headers)),
        };
        let mut response = Response::new(ProbeBody::new(body));
        *response.status_mut() = code;
        *response.headers_mut() = headers;
        response
    }
}

/// The header fields of the content, and what of it goes out: HEAD has the fields of GET, also the
/// length, but no content (RFC 9110, section 9.3.2), and OPTIONS has neither.
fn content(
    headers: &mut HeaderMap,
    asked: Asked,
    content_type: HeaderValue,
    length: HeaderValue,
    body: Bytes,
) -> Bytes {
    if asked == Asked::Options {
        headers.insert(ALLOW, ALLOWED);
        return empty(headers);
    }
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CONTENT_LENGTH, length);
    if asked == Asked::Get {
        body
    } else {
        Bytes::new()
    }
}

fn empty(headers: &mut HeaderMap) -> Bytes {
    headers.insert(CONTENT_LENGTH, ZERO);
    Bytes::new()
}
