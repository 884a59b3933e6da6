//! Requests, probes that are answered at once, and futures that are polled by hand.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Bytes;
use tower::Service;
use tower_health::ProbeBody;
use tower_test::mock::{self, SendResponse};

pub(crate) type Body = Full<Bytes>;
pub(crate) type Mock = mock::Mock<Request<Body>, Response<Body>>;
pub(crate) type Handle = mock::Handle<Request<Body>, Response<Body>>;

pub(crate) const PROBES: [&str; 3] = ["/livez", "/readyz", "/startupz"];

/// For [`HealthLayer::map_body`], where no probe is requested.
pub(crate) fn no_probe<B>(_: ProbeBody) -> B {
    panic!("no probe was asked")
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::default()).unwrap()
}

pub(crate) fn ok() -> Response<Body> {
    Response::new(Full::from("the application"))
}

/// Requests all three probes and insists that none of them has to wait.
pub(crate) fn probes_answer_at_once<S, R>(service: &mut S)
where
    S: Service<Request<Body>, Response = Response<R>, Error: Debug>,
{
    for path in PROBES {
        let ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(ready, Poll::Ready(Ok(()))), "{path}");
        let answer = service.call(get(path)).now_or_never();
        let answer = answer.unwrap_or_else(|| panic!("{path} has to wait"));
        assert_eq!(answer.unwrap().status(), 200, "{path}");
    }
}

/// The one request that the mock has received.
#[track_caller]
pub(crate) fn received(handle: &mut Handle) -> (String, SendResponse<Response<Body>>) {
    match handle.poll_request() {
        Poll::Ready(Some((request, respond))) => (request.uri().path().to_owned(), respond),
        other => panic!("no request arrived: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn received_nothing(handle: &mut Handle) {
    let polled = handle.poll_request();
    assert!(polled.is_pending(), "{polled:?}");
}

/// Awaits what must come. On the paused clock a day is over as soon as nothing else can happen.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    let day = Duration::from_secs(24 * 3600);
    let output = tokio::time::timeout(day, future).await;
    output.expect("waits for ever")
}

/// A future that is polled by hand, and reports whether it was woken to be polled again.
pub(crate) struct Polled<F> {
    future: Pin<Box<F>>,
    woken: Arc<Flag>,
}

impl<F: Future> Polled<F> {
    pub(crate) fn new(future: F) -> Self {
        Self {
            future: Box::pin(future),
            woken: Arc::default(),
        }
    }

    /// Polls as a task of its own would: what woke it before is forgotten.
    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        self.woken.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&self.woken));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// Polls as another task: only this one's waker counts from now on.
    pub(crate) fn poll_elsewhere(&mut self) -> Poll<F::Output> {
        self.woken = Arc::default();
        self.poll()
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::Relaxed)
    }

    #[track_caller]
    pub(crate) fn must_wait(&mut self) {
        assert!(self.poll().is_pending(), "ready too early");
    }

    #[track_caller]
    pub(crate) fn output(mut self) -> F::Output {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("still waiting"),
        }
    }
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
