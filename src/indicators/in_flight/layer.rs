//! The layer that counts requests, from `call` to the end of the response body.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

/// Applies the [`InFlightService`] middleware; made by
/// [`InFlightIndicator::layer`](super::InFlightIndicator::layer).
#[derive(Clone, Debug)]
pub struct InFlightLayer {
    count: Arc<AtomicUsize>,
}

impl InFlightLayer {
    pub(super) fn new(count: Arc<AtomicUsize>) -> Self {
        Self { count }
    }
}

impl<S> Layer<S> for InFlightLayer {
    type Service = InFlightService<S>;

    fn layer(&self, inner: S) -> InFlightService<S> {
        let count = Arc::clone(&self.count);
        InFlightService { inner, count }
    }
}

/// Counts the requests in flight for an [`InFlightIndicator`](super::InFlightIndicator).
///
/// It changes nothing except the type of the response body.
#[derive(Clone, Debug)]
pub struct InFlightService<S> {
    inner: S,
    count: Arc<AtomicUsize>,
}

impl<S> InFlightService<S> {
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

impl<S, Request, B> Service<Request> for InFlightService<S>
where
    S: Service<Request, Response = Response<B>>,
    B: Body,
{
    type Response = Response<InFlightBody<B>>;
    type Error = S::Error;
    type Future = InFlightFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // Acquired first, so that a call that panics releases it.
        let permit = Permit::acquire(&self.count);
        InFlightFuture {
            future: self.inner.call(request),
            permit: Some(permit),
        }
    }
}

/// Counts one request until it is dropped.
#[derive(Debug)]
struct Permit(Arc<AtomicUsize>);

impl Permit {
    fn acquire(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pin_project! {
    /// Response future of [`InFlightService`].
    #[derive(Debug)]
    pub struct InFlightFuture<F> {
        #[pin]
        future: F,
        // `None` once the response is ready.
        permit: Option<Permit>,
    }
}

impl<F, B, E> Future for InFlightFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<InFlightBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.future.poll(cx));
        // An error releases the permit here.
        let permit = this.permit.take();
        Poll::Ready(result.map(|response| {
            response.map(|body| InFlightBody {
                permit: permit.filter(|_| !body.is_end_stream()),
                body,
            })
        }))
    }
}

pin_project! {
    /// Response body of [`InFlightService`]; its request counts until the body has ended or is
    /// dropped.
    #[derive(Debug, Default)]
    pub struct InFlightBody<B> {
        #[pin]
        body: B,
        // `None` once the body has ended.
        permit: Option<Permit>,
    }
}

/// Forwards everything: frames, trailers, size hint and end.
impl<B: Body> Body for InFlightBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.body.as_mut().poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) || this.body.is_end_stream() {
            *this.permit = None;
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
