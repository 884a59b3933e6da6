//! What the head and the body of a response say about the call.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::call::{Answer, LastError, PassiveCall, Recorder};

/// What a client has to assume if a gRPC response ends without a status.
const UNKNOWN: u16 = 2;

pin_project! {
    /// Response body of [`PassiveService`](super::PassiveService); its call has counted by its head,
    /// and counts as failed instead if the body says so.
    #[derive(Debug, Default)]
    pub struct PassiveBody<B> {
        #[pin]
        body: B,
        // `None` once nothing can change how the call counts.
        answer: Option<Answer>,
        // Whether the trailers are still to say how the call ended.
        awaits_status: bool,
    }
}

impl<B: Body> PassiveBody<B> {
    /// Counts a call by the head of its response. Unless that is an error, the body may still be one.
    pub(super) fn around(response: Response<B>, call: Option<PassiveCall>) -> Response<Self> {
        let (mut answer, mut awaits_status) = (None, false);
        if let Some(call) = call {
            let has_ended = response.body().is_end_stream();
            match call.recorder().map(|of| judge(&response, has_ended, of)) {
                Some(Head::Fails(error)) => call.has_error(error),
                head => {
                    awaits_status = matches!(head, Some(Head::HasStatusLater));
                    answer = call.has_head().filter(|_| !has_ended);
                }
            }
        }
        response.map(|body| Self {
            body,
            answer,
            awaits_status,
        })
    }
}

/// What the head of a response says about its call.
enum Head {
    Works,
    HasStatusLater,
    Fails(LastError),
}

fn judge<B>(response: &Response<B>, has_ended: bool, recorder: &Recorder) -> Head {
    let status = response.status();
    if (recorder.http_failure)(status) {
        return Head::Fails(LastError::Http(status.as_u16()));
    }
    if !is_grpc(response.headers()) {
        return Head::Works;
    }
    let code = match grpc_status(response.headers()) {
        Some(code) => code,
        None if has_ended => UNKNOWN,
        None => return Head::HasStatusLater,
    };
    grpc_error(code, recorder).map_or(Head::Works, Head::Fails)
}

fn grpc_error(code: u16, recorder: &Recorder) -> Option<LastError> {
    (recorder.grpc_failure)(code).then_some(LastError::Grpc(code))
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
        let Some(answer) = this.answer.take() else {
            return Poll::Ready(frame);
        };
        let (has_ended, trailers) = match &frame {
            Some(Ok(frame)) => (this.body.is_end_stream(), frame.trailers_ref()),
            Some(Err(_)) => {
                answer.breaks_off();
                return Poll::Ready(frame);
            }
            None => (true, None),
        };
        let mut error = None;
        if *this.awaits_status && (has_ended || trailers.is_some()) {
            *this.awaits_status = false;
            let code = trailers.and_then(grpc_status).unwrap_or(UNKNOWN);
            error = grpc_error(code, &answer.recorder);
        }
        match error {
            Some(error) => answer.has_error(error),
            None => *this.answer = (!has_ended).then_some(answer),
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
