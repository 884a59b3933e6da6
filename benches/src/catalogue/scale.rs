//! This crate with more of something: checks, or requests that wait.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Waker};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, Service, ServiceBuilder, service_fn};

use super::apps::plain;
use super::ours::Ready;
use crate::ask::Ask;
use crate::subject::Subject;

pub(super) fn public<const CHECKS: usize>(name: &'static str, ask: Ask) -> Subject {
    Ready::with_checks(CHECKS).subject(name, ask)
}

/// A report that somebody asked for before.
pub(super) fn report<const CHECKS: usize>(name: &'static str, ask: Ask) -> Subject {
    Ready::with_checks(CHECKS).detailed(name, ask)
}

/// A report that nobody asked for before. The refresher that stands still never hears of what
/// changed, so every request finds the latest snapshot outdated.
pub(super) fn fresh<const CHECKS: usize>(name: &'static str, ask: Ask) -> Subject {
    outdated(CHECKS).detailed(name, ask)
}

pub(super) fn snapshot<const CHECKS: usize>(name: &'static str, ask: Ask) -> Subject {
    let ready = outdated(CHECKS);
    let health = ready.health.clone();
    let service = service_fn(move |request| {
        black_box(health.snapshot());
        plain(request)
    });
    Subject::new(name, ask, service).keeping(ready)
}

fn outdated(checks: usize) -> Ready {
    let ready = Ready::with_checks(checks);
    ready.health.refuse_traffic("for a moment");
    ready.health.accept_traffic();
    ready
}

pub(super) fn idle(name: &'static str, ask: Ask) -> Subject {
    saturated(name, ask, 0)
}

pub(super) fn stuck(name: &'static str, ask: Ask) -> Subject {
    saturated(name, ask, 1000)
}

/// Around a service that takes one request at a time and never ends with it.
fn saturated(name: &'static str, ask: Ask, requests: usize) -> Subject {
    let ready = Ready::with_checks(1);
    let inner = ServiceBuilder::new()
        .concurrency_limit(1)
        .service(service_fn(never));
    let mut service = ready.layer().layer(inner);
    let waiting: Vec<_> = (0..requests)
        .map(|_| {
            let mut future = Box::pin(service.call(Request::new(Body::empty())));
            let mut context = Context::from_waker(Waker::noop());
            assert!(future.as_mut().poll(&mut context).is_pending());
            future
        })
        .collect();
    Subject::new(name, ask, service)
        .keeping(waiting)
        .keeping(ready)
}

type Never = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send>>;

fn never(_: Request<Body>) -> Never {
    Box::pin(async {
        pending::<()>().await;
        ready(Ok(Response::new(Full::default()))).await
    })
}
