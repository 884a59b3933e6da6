//! What is measured: a name, a request, and a service that answers it.

use std::any::Any;
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use tower::Service;

use crate::ask::Ask;
use crate::counting::{Cost, cost};
use crate::timing::thread_time;

/// A service with the request that it is asked. The loop around it is compiled for the service, so
/// that no subject pays for a call through a pointer.
pub struct Subject {
    name: String,
    serve: Box<dyn Serve>,
    // Dropped with it: the runtime on which its checks ran.
    _kept: Vec<Box<dyn Any + Send>>,
}

impl Subject {
    /// # Panics
    ///
    /// If the service does not answer as it should: then nothing that is measured means anything.
    pub fn new<S, B>(name: impl Into<String>, ask: Ask, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Send + 'static,
        B: http_body::Body<Error: Debug> + 'static,
    {
        let name = name.into();
        let mut serve = Driven {
            service,
            requests: ask.requests(),
        };
        let response = serve.respond();
        assert_eq!(response.status(), ask.expected(), "{name}: {ask:?}");
        // What is made once for a process or a thread is made by then.
        serve.times(3);
        Self {
            name,
            serve: Box::new(serve),
            _kept: Vec::new(),
        }
    }

    /// Keeps this for as long as the subject is asked.
    pub fn keeping(mut self, kept: impl Send + 'static) -> Self {
        self._kept.push(Box::new(kept));
        self
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Builds and answers so many requests, one after the other, each to the end of its body.
    pub fn run(&mut self, times: u64) {
        self.serve.times(times);
    }

    /// The processor time of so many requests, without that of building them.
    pub fn timed(&mut self, times: u64) -> Duration {
        self.serve.timed(times)
    }

    /// What one request costs, from the call to the end of the body. Building it does not count.
    pub fn cost(&mut self) -> Cost {
        self.serve.cost()
    }
}

/// How many requests are built before they are served: so many that reading the clock does not
/// count, so few that they stay in the cache.
const BUILT: usize = 128;

trait Serve: Send {
    fn times(&mut self, times: u64);
    fn timed(&mut self, times: u64) -> Duration;
    fn cost(&mut self) -> Cost;
}

struct Driven<S, R> {
    service: S,
    requests: R,
}

impl<S, R, B> Driven<S, R>
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug>,
    R: Fn() -> Request<Body>,
{
    fn respond(&mut self) -> Response<B> {
        respond(&mut self.service, (self.requests)())
    }
}

impl<S, R, B> Serve for Driven<S, R>
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug> + Send,
    R: Fn() -> Request<Body> + Send,
    B: http_body::Body<Error: Debug>,
{
    #[inline(never)]
    fn times(&mut self, times: u64) {
        for _ in 0..times {
            read(self.respond());
        }
    }

    fn timed(&mut self, times: u64) -> Duration {
        let mut total = Duration::ZERO;
        let mut requests = Vec::with_capacity(BUILT);
        let mut left = times as usize;
        while left > 0 {
            requests.extend((0..left.min(BUILT)).map(|_| (self.requests)()));
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
        let request = (self.requests)();
        cost(|| read(respond(&mut self.service, request))).1
    }
}

fn respond<S, B>(service: &mut S, request: Request<Body>) -> Response<B>
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug>,
{
    now(poll_fn(|cx| service.poll_ready(cx))).expect("the service is ready");
    // As from a server: whoever compiles the service cannot see what is in it.
    let request = black_box(request);
    black_box(now(service.call(request)).expect("the service responds"))
}

fn read<B: http_body::Body<Error: Debug>>(response: Response<B>) {
    let mut body = pin!(response.into_body());
    while let Some(frame) = now(poll_fn(|cx| body.as_mut().poll_frame(cx))) {
        let _ = black_box(frame.expect("a frame"));
    }
}

/// No subject waits for anything but a lock that another thread holds for a moment.
#[inline]
fn now<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        let mut context = Context::from_waker(Waker::noop());
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::yield_now(),
        }
    }
}
