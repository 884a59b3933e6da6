//! What this crate is compared with: the same stack without a layer, and what people write by hand.
//!
//! Routers are as `axum::serve` has them (`with_state`), so that no route is built for each request.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use axum::{Router, http};
use bytes::Bytes;
use futures_util::future::Either;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tonic::service::Routes;
use tonic_health::server::health_reporter;
use tower::layer::layer_fn;
use tower::layer::util::Identity;
use tower::{Layer, Service, service_fn};

use crate::subject::{LIVEZ, READYZ, Subject, Target};

/// A service that allocates nothing and is always ready.
pub(crate) fn plain(_: Request<Body>) -> Ready<Result<Response<Full<Bytes>>, Infallible>> {
    ready(Ok(Response::new(Full::from("the application"))))
}

/// A small application. The caller calls `with_state` after it adds the layers.
pub(crate) fn app() -> Router {
    let hello = || async { "the application" };
    Router::new()
        .route("/orders", get(hello))
        .route("/users/123", get(hello))
        .route("/orders/{year}/{month}/customers", get(hello))
}

pub(crate) fn service(target: Target) -> Subject {
    Subject::new(target, service_fn(plain))
}

pub(crate) fn router(target: Target) -> Subject {
    Subject::new(target, app().with_state::<()>(()))
}

pub(crate) fn identity(target: Target) -> Subject {
    let app = app().layer(Identity::new());
    Subject::new(target, app.with_state::<()>(()))
}

pub(crate) fn layer_over_service(target: Target) -> Subject {
    Subject::new(target, by_hand(path(target)).layer(service_fn(plain)))
}

pub(crate) fn layer_outside(target: Target) -> Subject {
    let app = app().with_state::<()>(());
    Subject::new(target, by_hand(path(target)).layer(app))
}

pub(crate) fn layer_inside(target: Target) -> Subject {
    let app = app().layer(by_hand(path(target)));
    Subject::new(target, app.with_state::<()>(()))
}

pub(crate) fn route(target: Target) -> Subject {
    let app = atomic_route(app(), path(target));
    Subject::new(target, app.with_state::<()>(()))
}

/// tonic-health reports `SERVING` from the start.
pub(crate) fn tonic_health(target: Target) -> Subject {
    Subject::new(target, health_reporter().1)
}

pub(crate) fn tonic_health_routes(target: Target) -> Subject {
    Subject::new(target, Routes::new(health_reporter().1).prepare())
}

/// A control has one probe, at the path of the request if that is a probe.
pub(crate) fn path(target: Target) -> &'static str {
    if target == READYZ { READYZ } else { LIVEZ }
}

/// Adds a route that reads an atomic and returns JSON from a constant.
pub(crate) fn atomic_route(app: Router, path: &str) -> Router {
    let healthy = Arc::new(AtomicBool::new(true));
    let probe = async |State(healthy): State<Arc<AtomicBool>>| {
        let (code, body) = verdict(&healthy);
        (code, [(CONTENT_TYPE, "application/json")], body)
    };
    app.merge(Router::new().route(path, get(probe)).with_state(healthy))
}

fn verdict(healthy: &AtomicBool) -> (StatusCode, &'static str) {
    if healthy.load(Ordering::Acquire) {
        (StatusCode::OK, r#"{"status":"pass"}"#)
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"fail"}"#)
    }
}

/// Returns a layer that answers one path and passes everything else on, readiness too. It sends the
/// fields that this crate sends.
pub(crate) fn by_hand<S>(path: &'static str) -> impl Layer<S, Service = ByHand<S>> + Clone {
    let healthy = Arc::new(AtomicBool::new(true));
    layer_fn(move |inner| ByHand {
        inner,
        path,
        healthy: Arc::clone(&healthy),
    })
}

#[derive(Clone)]
pub(crate) struct ByHand<S> {
    inner: S,
    path: &'static str,
    healthy: Arc<AtomicBool>,
}

impl<S, B> Service<Request<Body>> for ByHand<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    B: From<&'static str>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Either<Ready<Result<Self::Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.uri().path() != self.path {
            return Either::Right(self.inner.call(request));
        }
        let (code, body) = verdict(&self.healthy);
        let response = Response::builder()
            .status(code)
            .header(CONTENT_TYPE, "application/health+json")
            .header(CONTENT_LENGTH, "17")
            .header(CACHE_CONTROL, "no-store")
            .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
            .body(B::from(body))
            .expect("every field is valid");
        Either::Left(ready(Ok(response)))
    }
}
