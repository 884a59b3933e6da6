//! The middleware: it answers probes, and passes every other request to the inner service.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::future::ResponseFuture;
#[cfg(feature = "grpc")]
use super::response::ProbeResponse;
use super::router::Route;
use super::shared::Shared;
use super::wrap::{EitherBody, WrapBody};
#[cfg(feature = "grpc")]
use crate::grpc::{CallStart, HealthMethod};
use crate::model::Probe;

/// Middleware that answers probes and passes every other request to the inner service.
///
/// Made by [`HealthLayer`](crate::HealthLayer); see also the
/// [ordering guide](crate::guides::ordering).
///
/// ```
/// use http::{Request, Response};
/// use tower::{Layer, ServiceExt, service_fn};
/// use tower_health::{Health, HealthLayer, HealthService, Status};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = service_fn(async |_: Request<String>| {
///     Ok::<_, std::convert::Infallible>(Response::new(String::from("hello")))
/// });
/// let service: HealthService<_> = HealthLayer::new(Health::fixed(Status::Fail)).layer(app);
///
/// let probe = Request::get("/readyz").body(String::new())?;
/// assert_eq!(service.clone().oneshot(probe).await?.status(), 503);
/// let other = Request::get("/").body(String::new())?;
/// assert_eq!(service.oneshot(other).await?.status(), 200);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HealthService<S, M = EitherBody> {
    inner: S,
    shared: Arc<Shared>,
    wrap: M,
}

impl<S, M> HealthService<S, M> {
    pub(super) fn new(inner: S, shared: Arc<Shared>, wrap: M) -> Self {
        Self {
            inner,
            shared,
            wrap,
        }
    }

    /// Returns a reference to the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns a mutable reference to the inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns whether the service answers this request as a probe; see
    /// [`HealthLayer::is_probe`](crate::HealthLayer::is_probe).
    ///
    /// For code that has the service and not the layer, such as a middleware over any inner service.
    pub fn is_probe<B>(&self, request: &Request<B>) -> bool {
        self.shared.is_probe(request.uri().path())
    }

    /// Unwraps the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

/// The request body must implement [`Body`], whatever the features: with `grpc`, the service reads
/// that of a health call.
impl<S, B, R, M> Service<Request<B>> for HealthService<S, M>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    B: Body,
    M: WrapBody<R> + Clone,
{
    type Response = Response<M::Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, M>;

    /// Always returns ready, so that a probe is answered however busy the inner service is.
    ///
    /// It does not poll the inner service, whose readiness can be a reservation (a permit, a place in
    /// a queue): a service that only answers probes would hold that and never use it. Instead, the
    /// response future of a request that needs the inner service waits until that is ready; see the
    /// [saturation guide](crate::guides::saturation).
    #[inline]
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.shared.router.route(request.uri().path()) {
            None => self.forward(request),
            Some(Route::Probe(probe)) => {
                let response = self.shared.responder.probe(probe, &request);
                ResponseFuture::answered(response, self.wrap.clone())
            }
            Some(Route::Check(probe)) => self.answer_check(probe, request),
            #[cfg(feature = "grpc")]
            Some(Route::Grpc(method)) => self.answer_call(method, request),
        }
    }
}

impl<S: Clone, M> HealthService<S, M> {
    #[inline]
    fn forward<B>(&mut self, request: Request<B>) -> ResponseFuture<S, B, M>
    where
        S: Service<Request<B>>,
    {
        // This context wakes no task, and need not: unless the inner service is ready now, the
        // future polls it again with a context of its own.
        match self
            .inner
            .poll_ready(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(Ok(())) => ResponseFuture::called(self.inner.call(request)),
            Poll::Ready(Err(error)) => {
                // A service whose readiness failed must be dropped, with all that it reserved.
                drop(self.take_inner());
                ResponseFuture::failed(error)
            }
            // The polled service moves into the future with its place in the queue. A clone that
            // was not polled stays here.
            Poll::Pending => ResponseFuture::waiting(self.take_inner(), request),
        }
    }

    // Out of line, to keep the common path small.
    #[inline(never)]
    fn answer_check<B>(&mut self, probe: Probe, request: Request<B>) -> ResponseFuture<S, B, M>
    where
        S: Service<Request<B>>,
        M: Clone,
    {
        match self.shared.responder.check(probe, &request) {
            Some(response) => ResponseFuture::answered(response, self.wrap.clone()),
            None => self.forward(request),
        }
    }

    // Out of line, to keep the common path small.
    #[cfg(feature = "grpc")]
    #[inline(never)]
    fn answer_call<B: Body>(
        &self,
        method: HealthMethod,
        request: Request<B>,
    ) -> ResponseFuture<S, B, M>
    where
        S: Service<Request<B>>,
        M: Clone,
    {
        let grpc = &self.shared.grpc;
        let wrap = self.wrap.clone();
        match grpc.start(method, &request) {
            CallStart::Respond(response) => {
                ResponseFuture::answered(ProbeResponse::grpc(response), wrap)
            }
            CallStart::ReadBody(pending) => {
                ResponseFuture::reading(grpc.read(pending, request.into_body()), wrap)
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
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}
