//! The response future: of a forwarded request, a probe, or a request that waits for the service.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::response::ProbeResponse;
use super::wrap::WrapBody;
#[cfg(feature = "grpc")]
use crate::grpc::Call;

pin_project! {
    /// Response future of [`HealthService`](crate::HealthService).
    ///
    /// # Panics
    ///
    /// May panic if it is polled after completion.
    pub struct ResponseFuture<S, B, M>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S::Future, Own<S, B, M>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, O> {
        Called {
            #[pin]
            future: F,
        },
        Own {
            own: O,
        },
    }
}

/// A response of the layer itself, or a request that it holds back. Each option is `None` once the
/// future has resolved or called the service. The rare states are boxed, so that they enlarge no
/// future.
enum Own<S: Service<Request<B>>, B, M> {
    Answered(Option<(ProbeResponse, M)>),
    #[cfg(feature = "grpc")]
    Reading(Option<(Pin<Box<Call<B>>>, M)>),
    Deferred(Option<Box<Deferred<S, B>>>),
}

/// A request whose inner service was not ready when it arrived.
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

    pub(super) fn answered(response: ProbeResponse, wrap: M) -> Self {
        Self::own(Own::Answered(Some((response, wrap))))
    }

    #[cfg(feature = "grpc")]
    pub(super) fn reading(call: Call<B>, wrap: M) -> Self {
        Self::own(Own::Reading(Some((Box::pin(call), wrap))))
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
        Self::own(Own::Deferred(Some(Box::new(deferred))))
    }

    #[inline]
    fn own(own: Own<S, B, M>) -> Self {
        Self {
            state: State::Own { own },
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
            return future.poll(cx).map_ok(M::wrap_inner);
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
    // Out of line, to keep the common path small.
    #[inline(never)]
    #[expect(clippy::expect_used, reason = "only a broken executor gets there")]
    fn poll_own(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<M::Body>, S::Error>> {
        let mut state = self.project().state;
        loop {
            let own = match state.as_mut().project() {
                StateProj::Called { future } => return future.poll(cx).map_ok(M::wrap_inner),
                StateProj::Own { own } => own,
            };
            let future = match own {
                Own::Answered(answered) => {
                    let (response, wrap) = answered.take().expect(POLLED_AGAIN);
                    return Poll::Ready(Ok(respond(response, &wrap)));
                }
                #[cfg(feature = "grpc")]
                Own::Reading(reading) => {
                    let (call, wrap) = reading.as_mut().expect(POLLED_AGAIN);
                    let response = ProbeResponse::grpc(ready!(call.as_mut().poll(cx)));
                    let response = respond(response, wrap);
                    *reading = None;
                    return Poll::Ready(Ok(response));
                }
                Own::Deferred(deferred) => ready!(poll_deferred(deferred, cx))?,
            };
            state.set(State::Called { future });
        }
    }
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

fn respond<R, M: WrapBody<R>>(response: ProbeResponse, wrap: &M) -> Response<M::Body> {
    let (parts, body) = response.into_parts();
    Response::from_parts(parts, wrap.wrap_probe(body))
}

const POLLED_AGAIN: &str = "`ResponseFuture` polled after completion";

impl<S, B, M> fmt::Debug for ResponseFuture<S, B, M>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Called { .. } => "Called",
            State::Own { own } => match own {
                Own::Answered(_) => "Answered",
                #[cfg(feature = "grpc")]
                Own::Reading(_) => "Reading",
                Own::Deferred(_) => "Deferred",
            },
        };
        f.debug_tuple("ResponseFuture").field(&state).finish()
    }
}
