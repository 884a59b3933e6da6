//! What the head and the body of a response say about the call.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::call::{Answer, LastError, PassiveCall};
use super::window::Ending;

/// What a client has to assume if a gRPC response ends without a status.
const UNKNOWN: u16 = 2;

pin_project! {
    /// Response body of [`PassiveService`](super::PassiveService); its call counts when the body has
    /// ended or is dropped.
    #[derive(Debug, Default)]
    pub struct PassiveBody<B> {
        #[pin]
        body: B,
        // `None` once the call has counted.
        answer: Option<Answer>,
        // Whether the trailers are still to say how the call ended.
        awaits_status: bool,
    }
}

impl<B: Body> PassiveBody<B> {
    /// Judges the head of a response. Unless that decides how the call ended, its body does.
    pub(super) fn around(response: Response<B>, call: Option<PassiveCall>) -> Response<Self> {
        let mut answer = call.map(PassiveCall::has_head);
        let mut awaits_status = false;
        if let Some(answer) = &mut answer {
            let status = response.status();
            if (answer.recorder.http_failure)(status) {
                answer.is_error(LastError::Http(status.as_u16()));
            } else if is_grpc(response.headers()) {
                match grpc_status(response.headers()) {
                    Some(code) => judge(answer, code),
                    None => awaits_status = true,
                }
            }
        }
        let is_open = |answer: &Answer| answer.ending == Ending::Answered;
        response.map(|body| {
            let has_ended = body.is_end_stream();
            if has_ended && awaits_status {
                if let Some(answer) = &mut answer {
                    judge(answer, UNKNOWN);
                }
            }
            Self {
                answer: answer.filter(|answer| !has_ended && is_open(answer)),
                body,
                awaits_status,
            }
        })
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    // `application/grpc-web` has its trailers within the body.
    let rest = content_type.as_bytes().strip_prefix(b"application/grpc");
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

fn grpc_status(headers: &HeaderMap) -> Option<u16> {
    let status = headers.get("grpc-status")?;
    let code = status.to_str().ok().and_then(|code| code.parse().ok());
    Some(code.unwrap_or(UNKNOWN))
}

fn judge(answer: &mut Answer, code: u16) {
    if (answer.recorder.grpc_failure)(code) {
        answer.is_error(LastError::Grpc(code));
    }
}

/// Forwards everything: frames, trailers, size hint and end.
impl<B: Body> Body for PassiveBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.body.as_mut().poll_frame(cx));
        let Some(answer) = this.answer else {
            return Poll::Ready(frame);
        };
        let has_ended = match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref().filter(|_| *this.awaits_status) {
                    *this.awaits_status = false;
                    judge(answer, grpc_status(trailers).unwrap_or(UNKNOWN));
                }
                this.body.is_end_stream()
            }
            Some(Err(_)) => {
                answer.ending = Ending::Unanswered;
                *this.awaits_status = false;
                true
            }
            None => true,
        };
        if has_ended {
            if *this.awaits_status {
                judge(answer, UNKNOWN);
            }
            *this.answer = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
