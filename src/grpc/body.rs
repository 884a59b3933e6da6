//! The body of an answer that has messages: frames, then trailers.

use std::fmt;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;

use super::code::GRPC_STATUS;
use super::watch::{Watch, Watching};
use super::wire::status_frame;

/// It never says how long it is, and it does not end before its trailers: a server that knew the
/// length would send it, and some clients then miss the trailers.
pub(crate) struct GrpcBody(State);

enum State {
    Message(Bytes),
    Watching(Watching),
    // Made when it is sent: kept here they would treble the size of every response body.
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
        let (frame, next) = match std::mem::replace(&mut self.0, State::Done) {
            State::Message(message) => (Some(Frame::data(message)), State::Trailers),
            State::Watching(mut watching) => match watching.poll_next(cx) {
                Poll::Pending => {
                    self.0 = State::Watching(watching);
                    return Poll::Pending;
                }
                Poll::Ready(Ok(status)) => {
                    let frame = Frame::data(Bytes::from_static(status_frame(status)));
                    (Some(frame), State::Watching(watching))
                }
                Poll::Ready(Err(end)) => (Some(Frame::trailers(end.into_trailers())), State::Done),
            },
            State::Trailers => (Some(Frame::trailers(ok())), State::Done),
            State::Done => (None, State::Done),
        };
        self.0 = next;
        Poll::Ready(frame)
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        matches!(self.0, State::Done)
    }
}

fn ok() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
    trailers
}

impl fmt::Debug for GrpcBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GrpcBody")
    }
}
