//! What people write who use no crate: a route, a layer, or a function as a layer.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, http};
use futures_util::future::Either;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use tower::layer::layer_fn;
use tower::{Layer, Service, service_fn};

use super::apps::{app, plain};
use crate::ask::Ask;
use crate::subject::Subject;

/// A route that reads an atomic and returns JSON that is there already.
pub fn atomic_route(app: Router, path: &str) -> Router {
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

/// A layer that answers one path and passes everything else on, readiness too. It sends the fields
/// that this crate sends.
#[derive(Clone)]
pub struct ByHand<S> {
    inner: S,
    path: &'static str,
    healthy: Arc<AtomicBool>,
}

impl<S> ByHand<S> {
    /// The layer.
    pub fn layer(path: &'static str) -> impl Layer<S, Service = Self> + Clone {
        let healthy = Arc::new(AtomicBool::new(true));
        layer_fn(move |inner| Self {
            inner,
            path,
            healthy: Arc::clone(&healthy),
        })
    }
}

impl<S, B> Service<Request> for ByHand<S>
where
    S: Service<Request, Response = http::Response<B>>,
    B: From<&'static str>,
{
    type Response = http::Response<B>;
    type Error = S::Error;
    type Future = Either<Ready<Result<Self::Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.uri().path() != self.path {
            return Either::Right(self.inner.call(request));
        }
        let (code, body) = verdict(&self.healthy);
        let response = http::Response::builder()
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

/// A function as a layer.
pub async fn intercept(
    State(healthy): State<Arc<AtomicBool>>,
    request: Request,
    next: Next,
) -> Response {
    if matches!(request.uri().path(), "/livez" | "/readyz") {
        let (code, body) = verdict(&healthy);
        return (code, [(CONTENT_TYPE, "application/json")], body).into_response();
    }
    next.run(request).await
}

pub(super) fn service(name: &'static str, ask: Ask) -> Subject {
    let app = service_fn(plain);
    Subject::new(name, ask, ByHand::layer(probe_path(ask)).layer(app))
}

pub(super) fn outside(name: &'static str, ask: Ask) -> Subject {
    let app = app().with_state::<()>(());
    Subject::new(name, ask, ByHand::layer(probe_path(ask)).layer(app))
}

pub(super) fn inside(name: &'static str, ask: Ask) -> Subject {
    let app = app().layer(ByHand::layer(probe_path(ask)));
    Subject::new(name, ask, app.with_state::<()>(()))
}

pub(super) fn from_fn(name: &'static str, ask: Ask) -> Subject {
    let healthy = Arc::new(AtomicBool::new(true));
    let app = app().layer(middleware::from_fn_with_state(healthy, intercept));
    Subject::new(name, ask, app.with_state::<()>(()))
}

pub(super) fn route(name: &'static str, ask: Ask) -> Subject {
    let app = atomic_route(app(), probe_path(ask));
    Subject::new(name, ask, app.with_state::<()>(()))
}

/// The path that a peer with one probe has it at.
pub(super) fn probe_path(ask: Ask) -> &'static str {
    match ask {
        Ask::Readyz => "/readyz",
        _ => "/livez",
    }
}
