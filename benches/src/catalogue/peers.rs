//! The crates that can be had for it, wired as their documentation says.

use std::convert::Infallible;
use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_http_server::body::{BoxBody, boxed};
use aws_smithy_http_server::layer::alb_health_check::AlbHealthCheckLayer;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use axum_health::prelude::{Health, HealthIndicator, health_check};
use health::{Config, PeriodicChecker, Reporter, check_future};
use http::{Request, Response, StatusCode};
use tokio::runtime::{Builder, Runtime};
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};
use tower::util::MapResponseLayer;
use tower::{Layer, Service, ServiceBuilder, service_fn};

use super::apps::{app, plain};
use super::by_hand::probe_path;
use crate::ask::Ask;
use crate::subject::Subject;

/// axum-health runs its indicators within the probe; this one, `ping`, has nothing to do.
pub fn axum_health(app: Router, path: &str) -> Router {
    app.route(path, get(health_check))
        .layer(Health::builder().with_ping().build())
}

/// The same with an indicator.
pub fn axum_health_with(
    app: Router,
    path: &str,
    indicator: impl HealthIndicator + Send + Sync + 'static,
) -> Router {
    let health = Health::builder().with_indicator(indicator).build();
    app.route(path, get(health_check)).layer(health)
}

pub(super) fn axum_health_inside(name: &'static str, ask: Ask) -> Subject {
    let app = axum_health(app(), probe_path(ask));
    Subject::new(name, ask, app.with_state::<()>(()))
}

/// smithy's layer stands around services with smithy's body, and answers without one.
pub fn smithy<S>(
    path: &'static str,
    inner: S,
) -> impl Service<Request<Body>, Response = Response<BoxBody>, Error = S::Error, Future: Send>
+ Clone
+ Send
+ 'static
where
    S: Service<Request<Body>, Response = Response<BoxBody>, Future: Send + 'static>
        + Clone
        + Send
        + 'static,
{
    smithy_with(path, || ready(StatusCode::OK), inner)
}

/// The same with what decides.
pub fn smithy_with<S, F>(
    path: &'static str,
    check: impl Fn() -> F + Clone + Send + 'static,
    inner: S,
) -> impl Service<Request<Body>, Response = Response<BoxBody>, Error = S::Error, Future: Send>
+ Clone
+ Send
+ 'static
where
    S: Service<Request<Body>, Response = Response<BoxBody>, Future: Send + 'static>
        + Clone
        + Send
        + 'static,
    F: Future<Output = StatusCode> + Send + 'static,
{
    AlbHealthCheckLayer::from_handler(path, move |_: Request<Body>| check()).layer(inner)
}

/// Its allocation is the box of the body, which smithy's own servers have anyway.
pub(super) fn smithy_service(name: &'static str, ask: Ask) -> Subject {
    let to_smithy = MapResponseLayer::new(|response: Response<_>| response.map(boxed));
    let app = to_smithy.layer(service_fn(plain));
    Subject::new(name, ask, smithy(probe_path(ask), app))
}

/// In front of axum two maps are needed, which costs two boxes.
pub(super) fn smithy_outside(name: &'static str, ask: Ask) -> Subject {
    let to_smithy = MapResponseLayer::new(|response: Response<Body>| response.map(boxed));
    let to_axum = MapResponseLayer::new(|response: Response<BoxBody>| response.map(Body::new));
    let app = to_smithy.layer(app().with_state::<()>(()));
    let app = ServiceBuilder::new()
        .layer(to_axum)
        .service(smithy(probe_path(ask), app));
    Subject::new(name, ask, app)
}

/// `health` runs one check in the background, and leaves HTTP to the application.
pub fn background_route<R>(app: Router, path: &str, reporter: R) -> Router
where
    R: Reporter + Clone + Send + Sync + 'static,
{
    let probe = async |State(reporter): State<R>| match reporter.status() {
        Some(health::Status::Healthy) => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    app.merge(Router::new().route(path, get(probe)).with_state(reporter))
}

/// Its checker. The caller spawns `run`.
pub fn background<F>(
    interval: Duration,
    check: impl Fn() -> F + Send + Sync + 'static,
) -> PeriodicChecker<impl health::Checkable>
where
    F: Future<Output = Result<(), fmt::Error>> + Send + Sync + 'static,
{
    let config = Config {
        check_interval: interval,
        min_failures: 1,
        leeway: interval * 3,
        ..Config::default()
    };
    PeriodicChecker::new(check_future("db", check), config)
}

pub(super) fn background_subject(name: &'static str, ask: Ask) -> Subject {
    let runtime = still_runtime();
    let checker = background(Duration::from_secs(3600), async || Ok(()));
    // It never ends by itself; its first check is done when it yields for the second time.
    runtime.block_on(async {
        let _ = tokio::time::timeout(Duration::from_millis(20), checker.clone().run()).await;
    });
    let app = background_route(app(), probe_path(ask), checker);
    Subject::new(name, ask, app.with_state::<()>(())).keeping(runtime)
}

/// A status that the application pushes to tonic-health.
pub struct Pushed {
    pub reporter: HealthReporter,
    runtime: Runtime,
}

impl Pushed {
    pub fn set(&self, status: ServingStatus) {
        self.runtime
            .block_on(self.reporter.set_service_status("", status));
    }
}

pub(super) fn tonic_health_routes(name: &'static str, ask: Ask) -> Subject {
    // It says `SERVING` by itself.
    Subject::new(name, ask, Routes::new(health_reporter().1).prepare())
}

pub(super) fn tonic_health(name: &'static str, ask: Ask) -> Subject {
    tonic_health_pushed(name, ask).0
}

/// The subject, and what its status is pushed with.
pub fn tonic_health_pushed(name: impl Into<String>, ask: Ask) -> (Subject, Arc<Pushed>) {
    let (reporter, server) = health_reporter();
    let runtime = still_runtime();
    let pushed = Arc::new(Pushed { reporter, runtime });
    pushed.set(ServingStatus::Serving);
    let subject = Subject::new(name, ask, server).keeping(Arc::clone(&pushed));
    (subject, pushed)
}

/// tonic-health as a service of an application.
pub fn tonic_health_app<S>(server: S) -> Router
where
    S: Service<
            Request<tonic::body::Body>,
            Response = Response<tonic::body::Body>,
            Error = Infallible,
            Future: Send + 'static,
        > + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
{
    Routes::new(server).prepare().into_axum_router()
}

fn still_runtime() -> Runtime {
    let builder = Builder::new_current_thread().enable_time().build();
    builder.expect("a runtime")
}
