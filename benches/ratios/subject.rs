//! What is measured: a service, and the request that it gets again and again.

use std::any::Any;
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Body;
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use tower::Service;

use crate::alloc::{Cost, cost};
use crate::timing::thread_time;

/// The target of a request.
pub(crate) type Target = &'static str;

/// A request that passes through.
pub(crate) const PASS: Target = "/users/123";
/// One whose path is as long as that of a probe: lengths do not tell them apart.
pub(crate) const LIKE_PASS: Target = "/orders";
/// One with a longer path and a query, as a browser sends it.
pub(crate) const LONG_PASS: Target = "/orders/2026/11/customers?page=3&sort=name";
pub(crate) const LIVEZ: Target = "/livez";
pub(crate) const READYZ: Target = "/readyz";
pub(crate) const GRPC_CHECK: Target = "/grpc.health.v1.Health/Check";

pub(crate) fn request(uri: &Uri) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = uri.clone();
    if uri.path() == GRPC_CHECK {
        // The frame of an empty message, which names the service `""`.
        *request.body_mut() = Body::from(&[0_u8; 5][..]);
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    request
}

/// A service with its request.
pub(crate) struct Subject {
    serve: Box<dyn Serve>,
    // Dropped with it, such as the runtime of its checks.
    _kept: Vec<Box<dyn Any + Send>>,
}

impl Subject {
    /// Panics if the service does not answer 200: then no measurement of it means anything.
    pub(crate) fn new<S, B>(target: Target, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Send + 'static,
        B: http_body::Body<Error: Debug> + 'static,
    {
        let uri = Uri::from_static(target);
        let mut serve = Driven { service, uri };
        let response = respond(&mut serve.service, request(&serve.uri));
        assert_eq!(response.status(), StatusCode::OK, "{target}");
        // Makes what is made once for a process or a thread.
        serve.run(3);
        Self {
            serve: Box::new(serve),
            _kept: Vec::new(),
        }
    }

    /// Keeps a value for as long as the subject.
    pub(crate) fn keeping(mut self, kept: impl Send + 'static) -> Self {
        self._kept.push(Box::new(kept));
        self
    }

    /// Builds and answers so many requests one after the other. It reads no clock: that of rustix
    /// crashes under valgrind.
    pub(crate) fn run(&mut self, times: u64) {
        self.serve.run(times);
    }

    /// Returns the processor time of so many requests, without that of building them.
    pub(crate) fn timed(&mut self, times: u64) -> Duration {
        self.serve.timed(times)
    }

    /// Returns what one request allocates, from the call to the end of the body.
    pub(crate) fn cost(&mut self) -> Cost {
        self.serve.cost()
    }
}

/// The loops are compiled for the service, so that no subject pays for a call through a pointer.
trait Serve: Send {
    fn run(&mut self, times: u64);
    fn timed(&mut self, times: u64) -> Duration;
    fn cost(&mut self) -> Cost;
}

struct Driven<S> {
    service: S,
    uri: Uri,
}

/// How many requests are built before they are answered: so many that reading the clock does not
/// count, so few that they stay in the cache.
const BUILT: usize = 128;

impl<S, B> Serve for Driven<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Send,
    B: http_body::Body<Error: Debug>,
{
    #[inline(never)]
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            read(respond(&mut self.service, request(&self.uri)));
        }
    }

    fn timed(&mut self, times: u64) -> Duration {
        let mut total = Duration::ZERO;
        let mut requests = Vec::with_capacity(BUILT);
        let mut left = times as usize;
        while left > 0 {
            requests.extend((0..left.min(BUILT)).map(|_| request(&self.uri)));
            left -= requests.len();
            let start = thread_time();
            for request in requests.drain(..) {
                read(respond(&mut self.service, request));
            }
            total += thread_time() - start;
        }
        total
    }

    fn cost(&mut self) -> Cost {
        let request = request(&self.uri);
        cost(|| read(respond(&mut self.service, request))).1
    }
}

fn respond<S, B>(service: &mut S, request: Request<Body>) -> Response<B>
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug>,
{
    now(poll_fn(|cx| service.poll_ready(cx))).expect("the service is ready");
    // The compiler must not know what is in the request, as in a server.
    let request = black_box(request);
    black_box(now(service.call(request)).expect("the service responds"))
}

fn read<B: http_body::Body<Error: Debug>>(response: Response<B>) {
    let mut body = pin!(response.into_body());
    while let Some(frame) = now(poll_fn(|cx| body.as_mut().poll_frame(cx))) {
        let _ = black_box(frame.expect("a frame"));
    }
}

/// Drives a future that waits at most for a lock that another thread holds for a moment.
#[inline]
fn now<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::yield_now(),
        }
    }
}
