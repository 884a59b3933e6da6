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
    has_streams: bool,
}

impl PassiveLayer {
    pub(super) fn new(recorder: Arc<Recorder>) -> Self {
        Self {
            recorder,
            has_streams: false,
        }
    }

    /// Lets requests wait for their head for as long as they like: none is slow, overdue, stuck or
    /// given up.
    ///
    /// For requests that a healthy dependency may leave without a head: streams of gRPC whose server
    /// sends the head with the first message, such as a watch without news; uploads, which are
    /// answered at their end; and long polls. Each counts once it has a head or an error, so such
    /// requests alone do not tell a dependency that hangs. Give them a client of their own, over a
    /// clone of the channel:
    ///
    /// ```
    /// # use tower::{ServiceBuilder, service_fn};
    /// # use tower_health::indicators::PassiveIndicator;
    /// # let channel = service_fn(async |_: ()| Ok::<_, ()>(()));
    /// let orders = PassiveIndicator::new("orders");
    /// let calls = ServiceBuilder::new().layer(orders.layer()).service(channel.clone());
    /// let watches = ServiceBuilder::new().layer(orders.layer().streams()).service(channel);
    /// ```
    pub fn streams(mut self) -> Self {
        self.has_streams = true;
        self
    }
}

impl<S> Layer<S> for PassiveLayer {
    type Service = PassiveService<S>;

    fn layer(&self, inner: S) -> PassiveService<S> {
        PassiveService {
            inner,
            recorder: Arc::clone(&self.recorder),
            has_streams: self.has_streams,
        }
    }
}

/// Counts the outcomes of a client for a [`PassiveIndicator`](super::PassiveIndicator).
///
/// It changes nothing except the type of the response body.
#[derive(Clone, Debug)]
pub struct PassiveService<S> {
    inner: S,
    recorder: Arc<Recorder>,
    has_streams: bool,
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
        let call = match self.has_streams {
            true => PassiveCall::begin_stream(&self.recorder),
            false => PassiveCall::begin(&self.recorder),
        };
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
