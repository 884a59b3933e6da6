//! The status of a failed call, and its trailers.

use http::{HeaderMap, HeaderName, HeaderValue};

pub(super) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The gRPC status codes of this service, by their [numbers][codes].
///
/// [codes]: https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    DeadlineExceeded = 4,
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

/// The status of a failed call. The message has no character that `grpc-message` must escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GrpcStatus {
    code: Code,
    message: &'static str,
}

impl GrpcStatus {
    pub(super) const fn new(code: Code, message: &'static str) -> Self {
        Self { code, message }
    }

    pub(super) fn code(self) -> Code {
        self.code
    }

    pub(super) fn into_trailers(self) -> HeaderMap {
        let mut trailers = HeaderMap::with_capacity(2);
        trailers.insert(GRPC_STATUS, self.code.value());
        trailers.insert(GRPC_MESSAGE, HeaderValue::from_static(self.message));
        trailers
    }
}
