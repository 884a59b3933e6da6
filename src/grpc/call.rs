//! A call to the health service: what of it can be said at once, and what needs its request.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, Version};
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::GrpcBody;
use super::code::{Code, GRPC_TIMEOUT, GrpcAnswer, GrpcStatus, Refusal};
use super::services::STANDARD;
use super::watch::Watch;
use super::wire::{REQUEST_LIMIT, list_frame, message, service_name, status_frame};
use crate::error::Problem;
use crate::health::Health;
use crate::layer::{Details, Sieve};

/// The paths of the service are these and a method (case-sensitive).
const SERVICE: &str = "/grpc.health.v1.Health/";

/// More names than this are not listed, as grpc-go has it (gRFC A90).
const LIST_LIMIT: usize = 100;

/// What a path of the service asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rpc {
    Check,
    Watch,
    List,
    /// No method that there is.
    Unknown,
}

/// What is known of a request when its head was read.
pub(crate) enum Opening {
    Answered(GrpcAnswer),
    Reads(Pending),
}

/// A call whose request has to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    rpc: Rpc,
    lists_all: bool,
}

/// What a layer does with calls to the health service.
#[derive(Debug, Default)]
pub(crate) struct Face {
    is_off: bool,
    /// Who sees every name, if not just who sees details.
    list: Option<Details>,
}

impl Face {
    pub(crate) fn list(&mut self, list: Details) {
        self.list = Some(list);
    }

    pub(crate) fn turn_off(&mut self) {
        self.is_off = true;
    }

    pub(crate) fn problem(&self) -> Option<Problem> {
        self.list.as_ref()?.problem()
    }

    /// Holds back the paths of such requests.
    pub(crate) fn sieve(&self) -> Sieve {
        if self.is_off {
            Sieve::default()
        } else {
            Sieve::starting_with(SERVICE)
        }
    }

    /// What a request with this path asks of the health service; `None` if it is not for it.
    #[inline]
    pub(crate) fn rpc(&self, path: &str) -> Option<Rpc> {
        let method = path.strip_prefix(SERVICE).filter(|_| !self.is_off)?;
        Some(match method {
            "Check" => Rpc::Check,
            "Watch" => Rpc::Watch,
            "List" => Rpc::List,
            _ => Rpc::Unknown,
        })
    }

    /// Looks at the head of such a request.
    pub(crate) fn open<B>(&self, rpc: Rpc, request: &Request<B>, details: &Details) -> Opening {
        if let Some(refusal) = refusal(request) {
            return Opening::Answered(GrpcAnswer::Refused(refusal));
        }
        if rpc == Rpc::Unknown {
            return Opening::Answered(UNIMPLEMENTED.into());
        }
        if has_malformed_timeout(request.headers()) {
            let status = GrpcStatus::new(Code::Internal, "malformed grpc-timeout");
            return Opening::Answered(status.into());
        }
        let list = self.list.as_ref().unwrap_or(details);
        let lists_all = rpc == Rpc::List && list.allow(request);
        Opening::Reads(Pending { rpc, lists_all })
    }
}

const UNIMPLEMENTED: GrpcStatus =
    GrpcStatus::new(Code::Unimplemented, "no such method of the health service");

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

/// At most eight digits and a unit. The time itself does not matter: an answer is there at once,
/// and a client that has waited long enough for more cancels.
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
    /// A call whose request is being read.
    pub(crate) struct Call<B> {
        #[pin]
        body: B,
        // Empty if all of it comes at once, as it usually does.
        read: Vec<u8>,
        pending: Pending,
        health: Health,
    }
}

impl<B> Call<B> {
    pub(crate) fn new(pending: Pending, body: B, health: Health) -> Self {
        Self {
            body,
            read: Vec::new(),
            pending,
            health,
        }
    }
}

impl<B: Body> Future for Call<B> {
    type Output = GrpcAnswer;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<GrpcAnswer> {
        let mut this = self.project();
        let answer = |request: &[u8]| {
            let answer = answer(*this.pending, request, this.health);
            Poll::Ready(answer.unwrap_or_else(GrpcAnswer::from))
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
                return answer(data.chunk());
            }
            this.read.put(&mut data);
        }
        answer(this.read)
    }
}

fn answer(pending: Pending, request: &[u8], health: &Health) -> Result<GrpcAnswer, GrpcStatus> {
    let published = health.published();
    match pending.rpc {
        Rpc::Check => {
            let status = published
                .serving(&service_name(request)?)
                .ok_or(GrpcStatus::new(Code::NotFound, "unknown service"))?;
            Ok(GrpcAnswer::Messages(GrpcBody::unary(
                status_frame(status).into(),
            )))
        }
        Rpc::Watch => {
            let watch = Watch::open(health, service_name(request)?)?;
            Ok(GrpcAnswer::Messages(GrpcBody::watch(watch)))
        }
        Rpc::Unknown => Err(UNIMPLEMENTED),
        Rpc::List => {
            message(request)?;
            let mut all = published.all_serving();
            if !pending.lists_all {
                all.retain(|name, _| STANDARD.iter().any(|(standard, _)| standard == name));
            }
            if all.len() > LIST_LIMIT {
                let status = "more than 100 services: ask for one of them";
                return Err(GrpcStatus::new(Code::ResourceExhausted, status));
            }
            Ok(GrpcAnswer::Messages(GrpcBody::unary(list_frame(
                all.into_iter(),
            ))))
        }
    }
}
