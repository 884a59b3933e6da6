//! The applications that layers stand around, and the stacks without one.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::service::TowerToHyperService;
use tonic::server::NamedService;
use tonic::service::Routes;
use tower::layer::util::Identity;
use tower::{Service, service_fn};

use crate::ask::Ask;
use crate::subject::Subject;

/// A service of which nothing can be taken away: it allocates nothing, and is always ready.
pub fn plain(_: Request<Body>) -> Ready<Result<Response<Full<Bytes>>, Infallible>> {
    ready(Ok(Response::new(Full::from("the application"))))
}

/// A small application. The caller calls `with_state` once the layers are on.
pub fn app() -> Router {
    let hello = || async { "the application" };
    Router::new()
        .route("/orders", get(hello))
        .route("/users/123", get(hello))
        .route("/orders/{year}/{month}/customers", get(hello))
}

pub(super) fn bare_service(name: &'static str, ask: Ask) -> Subject {
    Subject::new(name, ask, service_fn(plain))
}

pub(super) fn bare_router(name: &'static str, ask: Ask) -> Subject {
    Subject::new(name, ask, app().with_state::<()>(()))
}

pub(super) fn identity(name: &'static str, ask: Ask) -> Subject {
    let app = app().layer(Identity::new());
    Subject::new(name, ask, app.with_state::<()>(()))
}

pub(super) fn bare_tonic(name: &'static str, ask: Ask) -> Subject {
    Subject::new(name, ask, grpc_app())
}

pub(super) fn bare_hyper(name: &'static str, ask: Ask) -> Subject {
    Subject::new(name, ask, Served::new(service_fn(plain)))
}

/// As `tonic::transport::Server` has its services.
pub(super) fn grpc_app() -> Routes {
    Routes::new(Orders).prepare()
}

/// A gRPC service whose answers are encoded already: what a codec takes would hide what a layer
/// does.
#[derive(Clone)]
struct Orders;

impl NamedService for Orders {
    const NAME: &'static str = "shop.Orders";
}

impl Service<Request<tonic::body::Body>> for Orders {
    type Response = Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<tonic::body::Body>) -> Self::Future {
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let message = Full::new(Bytes::from_static(&[0; 5]));
        let body = message.with_trailers(ready(Some(Ok(trailers))));
        let mut response = Response::new(tonic::body::Body::new(body));
        let grpc = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert(CONTENT_TYPE, grpc);
        ready(Ok(response))
    }
}

/// A service as hyper's connection has it: behind hyper's own trait, cloned for each request.
#[derive(Clone)]
pub(super) struct Served<S>(TowerToHyperService<S>);

impl<S> Served<S> {
    pub(super) fn new(service: S) -> Self {
        Self(TowerToHyperService::new(service))
    }
}

impl<S: Service<Request<Body>> + Clone> Service<Request<Body>> for Served<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = <TowerToHyperService<S> as hyper::service::Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        hyper::service::Service::call(&self.0, request)
    }
}
