//! A call of the health service. Its head decides whether the body has to be read.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, Method, Request, Version};
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::GrpcBody;
use super::response::{GrpcResponse, Refusal};
use super::status::{Code, GrpcStatus};
use super::watch::Watch;
use super::wire::{REQUEST_LIMIT, list_frame, message, service_name, status_frame};
use crate::state::{SharedState, is_standard_service};

/// Every path of the service is this prefix and the name of a method. Both are case-sensitive.
pub(crate) const PATH_PREFIX: &str = "/grpc.health.v1.Health/";

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The most services that `List` returns, as in grpc-go (gRFC A90).
const LIST_LIMIT: usize = 100;

/// A method of the health service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HealthMethod {
    Check,
    Watch,
    List,
    /// A method that does not exist.
    Unknown,
}

impl HealthMethod {
    /// Returns the method at this path; `None` if it is no path of the service.
    #[inline]
    pub(crate) fn at(path: &str) -> Option<Self> {
        Some(match path.strip_prefix(PATH_PREFIX)? {
            "Check" => Self::Check,
            "Watch" => Self::Watch,
            "List" => Self::List,
            _ => Self::Unknown,
        })
    }
}

/// The outcome of examining the head of a call.
pub(crate) enum CallStart {
    Respond(GrpcResponse),
    ReadBody(PendingCall),
}

/// A call whose body has to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PendingCall {
    Check,
    Watch,
    /// Lists every service, or the standard ones only.
    List {
        all: bool,
    },
}

/// Examines the head of a call. `lists_all` returns whether the caller may list every service.
pub(crate) fn start_call<B>(
    method: HealthMethod,
    request: &Request<B>,
    lists_all: impl FnOnce() -> bool,
) -> CallStart {
    if let Some(refusal) = refusal(request) {
        return CallStart::Respond(GrpcResponse::Refused(refusal));
    }
    let failed = |status: GrpcStatus| CallStart::Respond(status.into());
    let pending = match method {
        HealthMethod::Unknown => return failed(UNIMPLEMENTED),
        _ if has_malformed_timeout(request.headers()) => return failed(MALFORMED_TIMEOUT),
        HealthMethod::Check => PendingCall::Check,
        HealthMethod::Watch => PendingCall::Watch,
        HealthMethod::List => PendingCall::List { all: lists_all() },
    };
    CallStart::ReadBody(pending)
}

const UNIMPLEMENTED: GrpcStatus =
    GrpcStatus::new(Code::Unimplemented, "no such method of the health service");

const MALFORMED_TIMEOUT: GrpcStatus = GrpcStatus::new(Code::Internal, "malformed grpc-timeout");

fn refusal<B>(request: &Request<B>) -> Option<Refusal> {
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .map(|value| value.as_bytes());
    let is_grpc = content_type.is_some_and(|content_type| {
        let rest = content_type.strip_prefix(b"application/grpc");
        // `+proto` is the only encoding here; `-web` is another protocol.
        let rest = rest.map(|rest| rest.strip_prefix(b"+proto").unwrap_or(rest));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b";"))
    });
    if *request.method() != Method::POST {
        Some(Refusal::Method)
    } else if !is_grpc {
        Some(Refusal::ContentType)
    } else if request.version() < Version::HTTP_2 {
        Some(Refusal::Version)
    } else {
        None
    }
}

/// Returns whether there is a timeout that is not one to eight digits and a unit. The value does not
/// matter: the answer is immediate, and a client that has waited long enough cancels.
fn has_malformed_timeout(headers: &HeaderMap) -> bool {
    headers.get(GRPC_TIMEOUT).is_some_and(|timeout| {
        let Some((unit, digits)) = timeout.as_bytes().split_last() else {
            return true;
        };
        !(b"HMSmun".contains(unit)
            && (1..=8).contains(&digits.len())
            && digits.iter().all(u8::is_ascii_digit))
    })
}

pin_project! {
    /// A call whose body is being read.
    pub(crate) struct Call<B> {
        #[pin]
        body: B,
        // Stays empty if the whole body arrives at once, as it usually does.
        read: Vec<u8>,
        pending: PendingCall,
        state: Arc<SharedState>,
    }
}

impl<B> Call<B> {
    pub(crate) fn new(pending: PendingCall, body: B, state: Arc<SharedState>) -> Self {
        Self {
            body,
            read: Vec::new(),
            pending,
            state,
        }
    }
}

impl<B: Body> Future for Call<B> {
    type Output = GrpcResponse;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<GrpcResponse> {
        let mut this = self.project();
        let respond = |request: &[u8]| {
            let response = respond(*this.pending, request, this.state);
            Poll::Ready(response.unwrap_or_else(GrpcResponse::from))
        };
        let failed = |code, message| Poll::Ready(GrpcStatus::new(code, message).into());
        while let Some(frame) = ready!(this.body.as_mut().poll_frame(cx)) {
            let Ok(frame) = frame else {
                return failed(Code::Internal, "the request broke off");
            };
            let Ok(mut data) = frame.into_data() else {
                continue;
            };
            if this.read.len() + data.remaining() > REQUEST_LIMIT {
                return failed(Code::ResourceExhausted, "the request is larger than 4 KiB");
            }
            let is_all = this.read.is_empty() && this.body.is_end_stream();
            if is_all && data.chunk().len() == data.remaining() {
                return respond(data.chunk());
            }
            this.read.put(&mut data);
        }
        respond(this.read)
    }
}

fn respond(
    pending: PendingCall,
    request: &[u8],
    state: &Arc<SharedState>,
) -> Result<GrpcResponse, GrpcStatus> {
    let body = match pending {
        PendingCall::Check => {
            let status = state
                .probe_service(&service_name(request)?)
                .ok_or(GrpcStatus::new(Code::NotFound, "unknown service"))?;
            GrpcBody::unary(status_frame(status).into())
        }
        PendingCall::Watch => GrpcBody::watch(Watch::open(state, service_name(request)?)?),
        PendingCall::List { all } => {
            message(request)?;
            let mut services = state.all_services();
            if !all {
                services.retain(|name, _| is_standard_service(name));
            }
            if services.len() > LIST_LIMIT {
                let status = "more than 100 services: check them one by one";
                return Err(GrpcStatus::new(Code::ResourceExhausted, status));
            }
            GrpcBody::unary(list_frame(services.into_iter()))
        }
    };
    Ok(GrpcResponse::Messages(body))
}
