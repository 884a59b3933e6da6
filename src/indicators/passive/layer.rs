//! The layer around a client: it passes every request on, and counts what comes back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::body::PassiveBody;
use super::call::{PassiveCall, Recorder};

/// Applies the [`PassiveService`] middleware; made by
/// [`PassiveIndicator::layer`](super::PassiveIndicator::layer).
#[derive(Clone, Debug)]
pub struct PassiveLayer {
    recorder: Arc<Recorder>,
}

impl PassiveLayer {
    pub(super) fn new(recorder: Arc<Recorder>) -> Self {
        Self { recorder }
    }
}

impl<S> Layer<S> for PassiveLayer {
    type Service = PassiveService<S>;

    fn layer(&self, inner: S) -> PassiveService<S> {
        let recorder = Arc::clone(&self.recorder);
        PassiveService { inner, recorder }
    }
}

/// Counts the outcomes of a client for a [`PassiveIndicator`](super::PassiveIndicator).
///
/// It changes nothing except the type of the response body.
#[derive(Clone, Debug)]
pub struct PassiveService<S> {
    inner: S,
    recorder: Arc<Recorder>,
}

impl<S> PassiveService<S> {
    /// Returns a reference to the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns a mutable reference to the inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Unwraps the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, Request, B> Service<Request> for PassiveService<S>
where
    S: Service<Request, Response = Response<B>>,
    B: Body,
{
    type Response = Response<PassiveBody<B>>;
    type Error = S::Error;
    type Future = PassiveFuture<S::Future>;

    /// A client that cannot take the request counts as one without an answer.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let ready = ready!(self.inner.poll_ready(cx));
        if ready.is_err() {
            PassiveCall::begin(&self.recorder).unanswered();
        }
        Poll::Ready(ready)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let call = PassiveCall::begin(&self.recorder);
        PassiveFuture {
            future: self.inner.call(request),
            call: Some(call),
        }
    }
}

pin_project! {
    /// Response future of [`PassiveService`].
    #[derive(Debug)]
    pub struct PassiveFuture<F> {
        #[pin]
        future: F,
        // `None` once the response is ready.
        call: Option<PassiveCall>,
    }
}

impl<F, B, E> Future for PassiveFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<PassiveBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.future.poll(cx));
        let call = this.call.take();
        Poll::Ready(match result {
            Ok(response) => Ok(PassiveBody::around(response, call)),
            Err(error) => {
                if let Some(call) = call {
                    call.unanswered();
                }
                Err(error)
            }
        })
    }
}
