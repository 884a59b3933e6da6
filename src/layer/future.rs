//! The response future: of a probe, of a request under way, or of one that waits its turn.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::answer::Answer;
use super::wrap::WrapBody;
use crate::grpc::Call;

pin_project! {
    /// Response future of [`HealthService`](crate::HealthService).
    pub struct ResponseFuture<S, B, M>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S::Future, Deferred<S, B>, Call<B>, M>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, D, C, M> {
        Called {
            #[pin]
            future: F,
        },
        Answered {
            // `None` once the response was made.
            answer: Option<(Answer, M)>,
        },
        // Boxed, so that what is rarely used does not make every future larger.
        Reading {
            // `None` once the response was made.
            call: Option<(Pin<Box<C>>, M)>,
        },
        // Boxed as well.
        Deferred {
            deferred: Option<Box<D>>,
        },
    }
}

/// A request whose inner service was not ready when it came.
#[expect(
    clippy::large_enum_variant,
    reason = "boxed as a whole, and failing is the rarer case"
)]
enum Deferred<S: Service<Request<B>>, B> {
    Waiting { service: S, request: Request<B> },
    Failed(S::Error),
}

impl<S, B, M> ResponseFuture<S, B, M>
where
    S: Service<Request<B>>,
{
    #[inline]
    pub(super) fn called(future: S::Future) -> Self {
        Self {
            state: State::Called { future },
        }
    }

    pub(super) fn answered(answer: Answer, wrap: M) -> Self {
        Self {
            state: State::Answered {
                answer: Some((answer, wrap)),
            },
        }
    }

    pub(super) fn reading(call: Call<B>, wrap: M) -> Self {
        Self {
            state: State::Reading {
                call: Some((Box::pin(call), wrap)),
            },
        }
    }

    #[cold]
    pub(super) fn waiting(service: S, request: Request<B>) -> Self {
        Self::deferred(Deferred::Waiting { service, request })
    }

    #[cold]
    pub(super) fn failed(error: S::Error) -> Self {
        Self::deferred(Deferred::Failed(error))
    }

    fn deferred(deferred: Deferred<S, B>) -> Self {
        Self {
            state: State::Deferred {
                deferred: Some(Box::new(deferred)),
            },
        }
    }
}

impl<S, B, R, M> Future for ResponseFuture<S, B, M>
where
    S: Service<Request<B>, Response = Response<R>>,
    B: Body,
    M: WrapBody<R>,
{
    type Output = Result<Response<M::Body>, S::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let StateProj::Called { future } = self.as_mut().project().state.project() {
            return poll_called::<_, _, _, M>(future, cx);
        }
        self.poll_own(cx)
    }
}

impl<S, B, R, M> ResponseFuture<S, B, M>
where
    S: Service<Request<B>, Response = Response<R>>,
    B: Body,
    M: WrapBody<R>,
{
    /// Apart from the usual case, which is the shorter without it.
    #[inline(never)]
    #[expect(clippy::expect_used, reason = "only a broken executor gets there")]
    fn poll_own(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<M::Body>, S::Error>> {
        let mut state = self.project().state;
        loop {
            let future = match state.as_mut().project() {
                StateProj::Called { future } => return poll_called::<_, _, _, M>(future, cx),
                StateProj::Answered { answer } => {
                    let (answer, wrap) = answer.take().expect(POLLED_AGAIN);
                    return Poll::Ready(Ok(respond(answer, &wrap)));
                }
                StateProj::Reading { call } => {
                    let (reading, wrap) = call.as_mut().expect(POLLED_AGAIN);
                    let answer = Answer::grpc(ready!(reading.as_mut().poll(cx)));
                    let response = respond(answer, wrap);
                    *call = None;
                    return Poll::Ready(Ok(response));
                }
                StateProj::Deferred { deferred } => ready!(poll_deferred(deferred, cx))?,
            };
            state.set(State::Called { future });
        }
    }
}

#[inline]
fn poll_called<F, R, E, M>(
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<Result<Response<M::Body>, E>>
where
    F: Future<Output = Result<Response<R>, E>>,
    M: WrapBody<R>,
{
    future.poll(cx).map_ok(M::wrap_inner)
}

fn respond<R, M: WrapBody<R>>(answer: Answer, wrap: &M) -> Response<M::Body> {
    let (parts, body) = answer.into_parts();
    Response::from_parts(parts, wrap.wrap_probe(body))
}

/// Waits until the inner service is ready, then calls it.
#[expect(clippy::expect_used, reason = "only a broken executor gets there")]
fn poll_deferred<S, B>(
    deferred: &mut Option<Box<Deferred<S, B>>>,
    cx: &mut Context<'_>,
) -> Poll<Result<S::Future, S::Error>>
where
    S: Service<Request<B>>,
{
    if let Deferred::Waiting { service, .. } = &mut **deferred.as_mut().expect(POLLED_AGAIN) {
        ready!(service.poll_ready(cx))?;
    }
    Poll::Ready(match *deferred.take().expect(POLLED_AGAIN) {
        Deferred::Waiting {
            mut service,
            request,
        } => Ok(service.call(request)),
        Deferred::Failed(error) => Err(error),
    })
}

const POLLED_AGAIN: &str = "`ResponseFuture` polled after completion";

impl<S, B, M> fmt::Debug for ResponseFuture<S, B, M>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Called { .. } => "Called",
            State::Answered { .. } => "Answered",
            State::Reading { .. } => "Reading",
            State::Deferred { .. } => "Deferred",
        };
        f.debug_tuple("ResponseFuture").field(&state).finish()
    }
}
