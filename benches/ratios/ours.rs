//! This crate in each stack, over a health that started as an application starts it.

use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::runtime::{Builder, Runtime};
use tonic::service::Routes;
use tower::{Layer, Service, ServiceBuilder, service_fn};
use tower_health::indicators::PassiveIndicator;
use tower_health::{Health, HealthBuilder, HealthLayer, ProbeBody, indicator_fn};

use crate::controls::{app, plain};
use crate::subject::{Subject, Target};

/// A health that is ready. Its refresher stands still: nothing polls its runtime any more, and no
/// result expires within an hour.
pub(crate) struct Ready {
    pub(crate) health: Health,
    _runtime: Runtime,
}

impl Ready {
    pub(crate) fn with_checks(checks: usize) -> Self {
        Self::with(checks, Health::builder())
    }

    fn with(checks: usize, builder: HealthBuilder) -> Self {
        let runtime = Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("a runtime");
        let mut builder = builder.ttl(Duration::from_secs(3600));
        for number in 0..checks {
            let name = format!("check-{number}");
            builder = builder.readiness(indicator_fn(name, || async { Ok::<_, Infallible>(()) }));
        }
        let health = runtime.block_on(async {
            let health = builder.start().expect("every setting is right");
            health.await_ready().await.expect("every check passes");
            health
        });
        Self {
            health,
            _runtime: runtime,
        }
    }

    pub(crate) fn layer(&self) -> HealthLayer {
        HealthLayer::new(self.health.clone())
    }
}

pub(crate) fn service(target: Target) -> Subject {
    with_checks::<1>(target)
}

pub(crate) fn outside(target: Target) -> Subject {
    let ready = Ready::with_checks(1);
    let service = ready.layer().layer(app().with_state::<()>(()));
    Subject::new(target, service).keeping(ready)
}

pub(crate) fn outside_mapped(target: Target) -> Subject {
    let ready = Ready::with_checks(1);
    let layer = ready.layer().map_body(Body::new::<ProbeBody>);
    Subject::new(target, layer.layer(app().with_state::<()>(()))).keeping(ready)
}

pub(crate) fn inside(target: Target) -> Subject {
    let ready = Ready::with_checks(1);
    let app = app().layer(ready.layer());
    Subject::new(target, app.with_state::<()>(())).keeping(ready)
}

pub(crate) fn inside_mapped(target: Target) -> Subject {
    let ready = Ready::with_checks(1);
    let app = app().layer(ready.layer().map_body(Body::new::<ProbeBody>));
    Subject::new(target, app.with_state::<()>(())).keeping(ready)
}

pub(crate) fn tonic_routes(target: Target) -> Subject {
    let ready = Ready::with_checks(1);
    let routes = Routes::default().prepare();
    Subject::new(target, ready.layer().layer(routes)).keeping(ready)
}

pub(crate) fn tonic_routes_mapped(target: Target) -> Subject {
    let ready = Ready::with_checks(1);
    let layer = ready.layer().map_body(tonic::body::Body::new::<ProbeBody>);
    Subject::new(target, layer.layer(Routes::default().prepare())).keeping(ready)
}

pub(crate) fn with_checks<const CHECKS: usize>(target: Target) -> Subject {
    let ready = Ready::with_checks(CHECKS);
    Subject::new(target, ready.layer().layer(service_fn(plain))).keeping(ready)
}

/// Where each probe is counted.
pub(crate) fn counting(target: Target) -> Subject {
    let ready = Ready::with(1, Health::builder().count_probe_requests());
    Subject::new(target, ready.layer().layer(service_fn(plain))).keeping(ready)
}

/// Around a service that takes one request at a time and never ends with it, while so many wait.
pub(crate) fn saturated<const REQUESTS: usize>(target: Target) -> Subject {
    let ready = Ready::with_checks(1);
    let inner = ServiceBuilder::new()
        .concurrency_limit(1)
        .service(service_fn(never));
    let mut service = ready.layer().layer(inner);
    let waiting: Vec<_> = (0..REQUESTS)
        .map(|_| {
            let mut future = Box::pin(service.call(Request::new(Body::empty())));
            let mut context = Context::from_waker(Waker::noop());
            assert!(future.as_mut().poll(&mut context).is_pending());
            future
        })
        .collect();
    Subject::new(target, service)
        .keeping(waiting)
        .keeping(ready)
}

type Never = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send>>;

fn never(_: Request<Body>) -> Never {
    Box::pin(pending())
}

/// A client whose requests a passive indicator counts.
pub(crate) fn passive(target: Target) -> Subject {
    let payments = PassiveIndicator::new("payments");
    Subject::new(target, payments.layer().layer(service_fn(plain)))
}
