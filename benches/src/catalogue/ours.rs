//! This crate in each stack, over a health that was started as an application starts it.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use tokio::runtime::{Builder, Runtime};
use tower::{Layer, service_fn};
use tower_health::{Details, Health, HealthBuilder, HealthLayer, ProbeBody, indicator_fn};

use super::apps::{Served, app, grpc_app, plain};
use crate::ask::Ask;
use crate::subject::Subject;

/// A health that is ready. Its refresher stands still: nothing polls its runtime any more, and no
/// result gets old within an hour.
pub struct Ready {
    pub health: Health,
    _runtime: Runtime,
}

impl Ready {
    /// # Panics
    ///
    /// If the health cannot start.
    pub fn with_checks(checks: usize) -> Self {
        Self::new(checks, |builder| builder)
    }

    /// # Panics
    ///
    /// If the health cannot start.
    pub fn new(checks: usize, build: impl FnOnce(HealthBuilder) -> HealthBuilder) -> Self {
        let runtime = Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("a runtime");
        let mut builder = Health::builder().ttl(Duration::from_secs(3600));
        for number in 0..checks {
            let name = format!("check-{number}");
            builder = builder.readiness(indicator_fn(name, || async { Ok::<_, Infallible>(()) }));
        }
        let health = runtime.block_on(async {
            let health = build(builder).start().expect("every setting is right");
            health.await_ready().await.expect("every check passes");
            health
        });
        Self {
            health,
            _runtime: runtime,
        }
    }

    pub fn layer(&self) -> HealthLayer {
        HealthLayer::new(self.health.clone())
    }

    /// Around a plain service.
    pub fn subject(self, name: impl Into<String>, ask: Ask) -> Subject {
        let service = self.layer().layer(service_fn(plain));
        Subject::new(name, ask, service).keeping(self)
    }

    /// Around a plain service, with the report for everybody.
    ///
    /// # Panics
    ///
    /// If the layer cannot be built.
    pub fn detailed(self, name: impl Into<String>, ask: Ask) -> Subject {
        let builder = HealthLayer::builder(self.health.clone()).details(Details::always());
        let layer = builder.build().expect("every setting is right");
        Subject::new(name, ask, layer.layer(service_fn(plain))).keeping(self)
    }
}

pub(super) fn service(name: &'static str, ask: Ask) -> Subject {
    Ready::with_checks(1).subject(name, ask)
}

pub(super) fn outside(name: &'static str, ask: Ask) -> Subject {
    let ready = Ready::with_checks(1);
    let service = ready.layer().layer(app().with_state::<()>(()));
    Subject::new(name, ask, service).keeping(ready)
}

pub(super) fn outside_mapped(name: &'static str, ask: Ask) -> Subject {
    let ready = Ready::with_checks(1);
    let layer = ready.layer().map_body(Body::new::<ProbeBody>);
    Subject::new(name, ask, layer.layer(app().with_state::<()>(()))).keeping(ready)
}

pub(super) fn inside(name: &'static str, ask: Ask) -> Subject {
    let ready = Ready::with_checks(1);
    let app = app().layer(ready.layer());
    Subject::new(name, ask, app.with_state::<()>(())).keeping(ready)
}

pub(super) fn inside_mapped(name: &'static str, ask: Ask) -> Subject {
    let ready = Ready::with_checks(1);
    let app = app().layer(ready.layer().map_body(Body::new::<ProbeBody>));
    Subject::new(name, ask, app.with_state::<()>(())).keeping(ready)
}

pub(super) fn tonic(name: &'static str, ask: Ask) -> Subject {
    let ready = Ready::with_checks(1);
    Subject::new(name, ask, ready.layer().layer(grpc_app())).keeping(ready)
}

pub(super) fn tonic_mapped(name: &'static str, ask: Ask) -> Subject {
    let ready = Ready::with_checks(1);
    let layer = ready.layer().map_body(tonic::body::Body::new::<ProbeBody>);
    Subject::new(name, ask, layer.layer(grpc_app())).keeping(ready)
}

pub(super) fn hyper(name: &'static str, ask: Ask) -> Subject {
    let ready = Ready::with_checks(1);
    let service = ready.layer().layer(service_fn(plain));
    Subject::new(name, ask, Served::new(service)).keeping(ready)
}
