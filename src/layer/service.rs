//! The middleware: probes are answered here, everything else goes to the inner service.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::answer::Answer;
use super::desk::{Desk, Target};
use super::future::ResponseFuture;
use super::wrap::{EitherBody, WrapBody};
use crate::grpc;

/// Middleware that answers probes and passes every other request to the inner service.
///
/// Made by [`HealthLayer`](crate::HealthLayer); see there and the
/// [ordering guide](crate::guides::ordering).
#[derive(Clone)]
pub struct HealthService<S, M = EitherBody> {
    inner: S,
    desk: Arc<Desk>,
    wrap: M,
}

impl<S, M> HealthService<S, M> {
    pub(super) fn new(inner: S, desk: Arc<Desk>, wrap: M) -> Self {
        Self { inner, desk, wrap }
    }

    /// Gets a reference to the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Gets a mutable reference to the inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

/// Requests must have a body, whatever the features: one of a gRPC call is read.
impl<S, B, R, M> Service<Request<B>> for HealthService<S, M>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    B: Body,
    M: WrapBody<R> + Clone,
{
    type Response = Response<M::Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, M>;

    /// Always ready, so that a probe is answered however busy the inner service is.
    ///
    /// The inner service is not asked: readiness that was asked for is a reservation (a permit, a
    /// place in a queue), and a service that then only answers probes would never use it. Its
    /// readiness is awaited by the request that needs it; see the
    /// [saturation guide](crate::guides::saturation).
    #[inline]
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.desk.target(request.uri().path()) {
            None => self.pass(request),
            Some(Target::Probe(probe)) => {
                let answer = self.desk.answer_probe(probe, &request);
                ResponseFuture::answered(answer, self.wrap.clone())
            }
            Some(Target::Check) => self.answer_check(request),
            Some(Target::Call(rpc)) => self.answer_call(rpc, request),
        }
    }
}

impl<S: Clone, M> HealthService<S, M> {
    #[inline]
    fn pass<B>(&mut self, request: Request<B>) -> ResponseFuture<S, B, M>
    where
        S: Service<Request<B>>,
    {
        // Nobody is woken by this context, and nobody has to be: unless the inner service is ready
        // now, the future asks it again with its own.
        match self
            .inner
            .poll_ready(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(Ok(())) => ResponseFuture::called(self.inner.call(request)),
            Poll::Ready(Err(error)) => {
                // What has failed must be discarded, with whatever it reserved before it did.
                drop(self.take_inner());
                ResponseFuture::failed(error)
            }
            // What was asked goes into the future, with its place in the queue; what stays here is
            // a clone that has asked for nothing.
            Poll::Pending => ResponseFuture::waiting(self.take_inner(), request),
        }
    }

    // These are apart from the usual case, which is the shorter without them.

    #[inline(never)]
    fn answer_check<B>(&mut self, request: Request<B>) -> ResponseFuture<S, B, M>
    where
        S: Service<Request<B>>,
        M: Clone,
    {
        match self.desk.answer_check(&request) {
            None => self.pass(request),
            Some(answer) => ResponseFuture::answered(answer, self.wrap.clone()),
        }
    }

    #[inline(never)]
    fn answer_call<B>(&self, rpc: grpc::Rpc, request: Request<B>) -> ResponseFuture<S, B, M>
    where
        S: Service<Request<B>>,
        M: Clone,
    {
        let wrap = self.wrap.clone();
        match self.desk.open_call(rpc, &request) {
            grpc::Opening::Answered(answer) => ResponseFuture::answered(Answer::grpc(answer), wrap),
            grpc::Opening::Reads(pending) => {
                let body = request.into_body();
                let call = grpc::Call::new(pending, body, self.desk.health.clone());
                ResponseFuture::reading(call, wrap)
            }
        }
    }

    #[cold]
    fn take_inner(&mut self) -> S {
        let clone = self.inner.clone();
        mem::replace(&mut self.inner, clone)
    }
}

impl<S: fmt::Debug, M> fmt::Debug for HealthService<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthService")
            .field("inner", &self.inner)
            .field("desk", &self.desk)
            .finish_non_exhaustive()
    }
}
