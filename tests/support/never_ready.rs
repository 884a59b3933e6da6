//! A service that never has room for a request.

use std::convert::Infallible;
use std::future::Ready;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Bytes;
use tower::Service;

#[derive(Clone)]
pub(crate) struct NeverReady;

impl<B> Service<Request<B>> for NeverReady {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Full<Bytes>>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        panic!("called before it was ready")
    }
}
