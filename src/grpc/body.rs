//! The body of a response with messages: data frames, then trailers.

use std::sync::LazyLock;
use std::task::{Context, Poll, ready};
use std::{fmt, mem};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;

use super::status::GRPC_STATUS;
use super::watch::{Watch, Watching};
use super::wire::status_frame;

/// The messages of a call, then its trailers.
///
/// It has no size hint, and it does not end before its trailers: a server that knew the length would
/// send it, and some clients would then miss the trailers.
pub(crate) struct GrpcBody(State);

enum State {
    Message(Bytes),
    Watching(Watching),
    // Made when they are sent. Here they would triple the size of every response body.
    Trailers,
    Done,
}

impl GrpcBody {
    pub(super) fn unary(message: Bytes) -> Self {
        Self(State::Message(message))
    }

    pub(super) fn watch(watch: Watch) -> Self {
        Self(State::Watching(watch.start()))
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        let frame = match &mut self.0 {
            State::Message(message) => {
                let frame = Frame::data(mem::take(message));
                self.0 = State::Trailers;
                frame
            }
            State::Watching(watching) => match ready!(watching.poll_next(cx)) {
                Ok(status) => Frame::data(Bytes::from_static(status_frame(status))),
                Err(end) => {
                    self.0 = State::Done;
                    Frame::trailers(end.into_trailers())
                }
            },
            State::Trailers => {
                self.0 = State::Done;
                Frame::trailers(OK.clone())
            }
            State::Done => return Poll::Ready(None),
        };
        Poll::Ready(Some(frame))
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        matches!(self.0, State::Done)
    }
}

/// The trailers of a successful call. A copy costs less than building them again.
static OK: LazyLock<HeaderMap> =
    LazyLock::new(|| HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static("0"))]));

impl fmt::Debug for GrpcBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GrpcBody")
    }
}
