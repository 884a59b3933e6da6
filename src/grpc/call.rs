//! A call of the health service. Its head decides whether the body has to be read.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BufMut};
use http::header::CONTENT_TYPE;
use http::{Method, Request, Version};
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::GrpcBody;
use super::response::{GrpcResponse, Refusal};
use super::status::{Code, GrpcStatus};
use super::timeout::timeout;
use super::waiting::Waiting;
use super::watch::Watch;
use super::wire::{REQUEST_LIMIT, list_frame, message, service_name, status_frame};
use crate::state::{Peer, SharedState};

/// Every path of the service is this prefix and the name of a method. Both are case-sensitive.
pub(crate) const PATH_PREFIX: &str = "/grpc.health.v1.Health/";

/// The most services that `List` returns, as in grpc-go (gRFC A90).
const LIST_LIMIT: usize = 100;

/// The most frames that are read in a row. A client that sends empty ones faster than they are read
/// must neither occupy a worker thread nor outlive its deadline.
const FRAMES_IN_A_ROW: usize = 32;

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
pub(crate) struct PendingCall {
    question: Question,
    /// How long its client waits, if that is known.
    timeout: Option<Duration>,
    /// Whose call it is, if that is known.
    peer: Option<Peer>,
}

#[derive(Clone, Copy, Debug)]
enum Question {
    Check,
    Watch,
    /// Lists every service, or the standard ones only.
    List {
        all: bool,
    },
}

/// Examines the head of a call. `lists_all` returns whether the caller may list every service, and
/// `peer` who the caller is.
pub(crate) fn start_call<B>(
    method: HealthMethod,
    request: &Request<B>,
    lists_all: impl FnOnce() -> bool,
    peer: impl FnOnce() -> Option<Peer>,
) -> CallStart {
    if let Some(refusal) = refusal(request) {
        return CallStart::Respond(GrpcResponse::Refused(refusal));
    }
    let failed = |status: GrpcStatus| CallStart::Respond(status.into());
    let timeout = timeout(request.headers());
    let question = match method {
        HealthMethod::Unknown => return failed(UNIMPLEMENTED),
        _ if timeout.is_err() => return failed(MALFORMED_TIMEOUT),
        HealthMethod::Check => Question::Check,
        HealthMethod::Watch => Question::Watch,
        HealthMethod::List => Question::List { all: lists_all() },
    };
    CallStart::ReadBody(PendingCall {
        question,
        timeout: timeout.unwrap_or_default(),
        peer: peer(),
    })
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

pin_project! {
    /// A call whose body is being read.
    pub(crate) struct Call<B> {
        #[pin]
        body: B,
        // Stays empty if the whole body arrives at once, as it usually does.
        read: Vec<u8>,
        // Stays `None` then.
        waiting: Option<Waiting>,
        pending: PendingCall,
        state: Arc<SharedState>,
    }
}

impl<B> Call<B> {
    pub(crate) fn new(pending: PendingCall, body: B, state: Arc<SharedState>) -> Self {
        Self {
            body,
            read: Vec::new(),
            waiting: None,
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
        let mut frames = 0;
        // What has arrived is read before the time is looked at: the process may have been paused.
        while let Poll::Ready(frame) = this.body.as_mut().poll_frame(cx) {
            let Some(frame) = frame else {
                return respond(this.read);
            };
            let Ok(frame) = frame else {
                return failed(Code::Internal, "the request broke off");
            };
            frames += 1;
            if let Ok(mut data) = frame.into_data() {
                if this.read.len() + data.remaining() > REQUEST_LIMIT {
                    return failed(Code::ResourceExhausted, "the request is larger than 4 KiB");
                }
                let is_all = this.read.is_empty() && this.body.is_end_stream();
                if is_all && data.chunk().len() == data.remaining() {
                    return respond(data.chunk());
                }
                this.read.put(&mut data);
            }
            if frames == FRAMES_IN_A_ROW {
                cx.waker().wake_by_ref();
                break;
            }
        }
        let caller = (this.pending.timeout, this.pending.peer);
        let ended = Waiting::poll(this.waiting, caller, this.state, cx);
        ended.map(GrpcResponse::from)
    }
}

fn respond(
    pending: PendingCall,
    request: &[u8],
    state: &Arc<SharedState>,
) -> Result<GrpcResponse, GrpcStatus> {
    let body = match pending.question {
        Question::Check => {
            let service = service_name(request)?;
            let status = state.probe_service(&service);
            #[cfg(feature = "metrics")]
            state.count_grpc_probe(&service, status);
            let status = status.ok_or(GrpcStatus::new(Code::NotFound, "unknown service"))?;
            GrpcBody::unary(status_frame(status).into())
        }
        Question::Watch => {
            let service = service_name(request)?;
            GrpcBody::watch(Watch::open(state, service, pending.peer)?)
        }
        Question::List { all } => {
            message(request)?;
            let services = match all {
                true => state.all_services(),
                false => state.standard_services(),
            };
            if services.len() > LIST_LIMIT {
                let status = "more than 100 services: check them one by one";
                return Err(GrpcStatus::new(Code::ResourceExhausted, status));
            }
            GrpcBody::unary(list_frame(services.into_iter()))
        }
    };
    Ok(GrpcResponse::Messages(body))
}
