//! Services, and requests to them whose allocations are counted from call to the end of the body.

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::{Ready, poll_fn, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use futures_util::FutureExt;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Bytes;
use tower::Service;

use crate::support::counting::allocations;

/// A service of which nothing can be taken away: it allocates nothing itself.
pub(crate) fn plain(_: Request<Body>) -> Ready<Result<Response<Full<Bytes>>, Infallible>> {
    ready(Ok(Response::new(Full::from("the application"))))
}

/// How many allocations a GET costs, building the request not counted.
///
/// Counted for the third time: what is made once for a process or a thread (header fields of
/// answers, the place of this thread in arc-swap) is made by then. It must be the same from then on.
pub(crate) fn cost<S, B>(service: &mut S, path: &'static str) -> usize
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug>,
    B: http_body::Body<Error: Debug>,
{
    let mut measure = || {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = Uri::from_static(path);
        allocations(|| serve(service, request))
    };
    let [_, _, third] = [measure(), measure(), measure()];
    for _ in 0..10 {
        assert_eq!(measure(), third, "{path} does not always cost the same");
    }
    third
}

/// Serves a request to the last frame of its response, as a server does on its own thread.
fn serve<S, B>(service: &mut S, request: Request<Body>)
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug>,
    B: http_body::Body<Error: Debug>,
{
    let ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(ready, Poll::Ready(Ok(()))));
    let response = service.call(request).now_or_never().unwrap().unwrap();
    let mut body = pin!(response.into_body());
    let mut frames = 0;
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx))
        .now_or_never()
        .unwrap()
    {
        assert!(frame.unwrap().is_data());
        frames += 1;
    }
    assert_eq!(frames, 1);
}
