//! Other crates in place of this one, wired as their documentation says, and reports by length.

use std::fmt;
use std::future::ready;
use std::hint::black_box;
use std::time::Duration;

use aws_smithy_http_server::body::{BoxBody, boxed};
use aws_smithy_http_server::layer::alb_health_check::AlbHealthCheckLayer;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use axum_health::prelude::{Health, health_check};
use health::{Config, PeriodicChecker, Reporter, check_future};
use http::{Request, Response, StatusCode};
use tokio::runtime::Builder;
use tower::util::MapResponseLayer;
use tower::{Layer, Service, ServiceBuilder, service_fn};
use tower_health::{Details, HealthLayer};

use crate::controls::{self, app, path, plain};
use crate::ours::{self, Ready};
use crate::plot;
use crate::question::{self, Question, Stack};
use crate::questions::{BARE, MAPPED, OURS, ROUTE};
use crate::subject::{LIVEZ, PASS, READYZ, Subject, Target};
use crate::table::Section;

pub(crate) const AXUM_HEALTH: &str = "axum-health";
pub(crate) const BACKGROUND: &str = "health 0.2";
pub(crate) const SMITHY: &str = "smithy AlbHealthCheckLayer";

/// `health` and tonic-health are not around requests that pass through. axum-health is a route. The
/// answer of smithy's layer has neither a body nor fields.
#[rustfmt::skip]
pub(crate) const QUESTIONS: &[Question] = &[
    Question {
        title: "A request that passes through, over a service that does nothing, beside smithy",
        target: PASS,
        stack: Stack(&[(OURS, ours::service)], &[(SMITHY, smithy_service)]),
        limits: &[],
    },
    Question {
        title: "A request that passes through, layer outside an axum Router, beside smithy",
        target: PASS,
        stack: Stack(&[(MAPPED, ours::outside_mapped)], &[(SMITHY, smithy_outside)]),
        limits: &[],
    },
    Question {
        title: "A request that passes through, inside Router::layer, beside axum-health",
        target: PASS,
        stack: Stack(&[(MAPPED, ours::inside_mapped)], &[(AXUM_HEALTH, axum_health_route)]),
        limits: &[],
    },
    Question {
        title: "GET /livez over a service that does nothing, beside smithy",
        target: LIVEZ,
        stack: Stack(&[(OURS, ours::service)], &[(SMITHY, smithy_service)]),
        limits: &[],
    },
    Question {
        title: plot::TITLE,
        target: READYZ,
        stack: Stack(&[(MAPPED, ours::outside_mapped)], &[
            (ROUTE, controls::route),
            (AXUM_HEALTH, axum_health_route),
            (BACKGROUND, background_route_subject),
        ]),
        limits: &[],
    },
    Question {
        title: "Detailed report at /readyz, rendered before; axum-health has one indicator",
        target: READYZ,
        stack: Stack(&[("1 check", report::<1>), ("1,000 checks", report::<1000>)],
            &[(AXUM_HEALTH, axum_health_route)]),
        limits: &[],
    },
    Question {
        title: "Detailed report at /readyz, snapshot made and rendered for the request",
        target: READYZ,
        stack: Stack(&[("100 checks", fresh::<100>)], &[("1 check", fresh::<1>)]),
        limits: &[],
    },
    Question {
        title: "Health::snapshot() that has to be made",
        target: PASS,
        stack: Stack(&[("1 check", snapshot::<1>), ("100 checks", snapshot::<100>)],
            &[(BARE, controls::service)]),
        limits: &[],
    },
];

pub(crate) fn peers() -> Vec<Section> {
    QUESTIONS.iter().map(question::answer).collect()
}

/// axum-health runs its indicators within the probe; this one, `ping`, has nothing to do.
fn axum_health_route(target: Target) -> Subject {
    let app = app().route(path(target), get(health_check));
    let app = app.layer(Health::builder().with_ping().build());
    Subject::new(target, app.with_state::<()>(()))
}

/// Its allocation is the box of the body, which smithy's own servers have anyway.
fn smithy_service(target: Target) -> Subject {
    let app = to_smithy().layer(service_fn(plain));
    Subject::new(target, smithy(path(target), || ready(StatusCode::OK), app))
}

/// In front of axum it needs two maps, which cost two boxes.
fn smithy_outside(target: Target) -> Subject {
    let to_axum = MapResponseLayer::new(|response: Response<BoxBody>| response.map(Body::new));
    let app = to_smithy().layer(app().with_state::<()>(()));
    let app = smithy(path(target), || ready(StatusCode::OK), app);
    Subject::new(target, ServiceBuilder::new().layer(to_axum).service(app))
}

/// smithy's layer stands around services with smithy's body.
pub(crate) fn to_smithy<B>() -> MapResponseLayer<impl Fn(Response<B>) -> Response<BoxBody> + Clone>
where
    B: http_body::Body<Data = bytes::Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    MapResponseLayer::new(|response: Response<B>| response.map(boxed))
}

pub(crate) fn smithy<S, F>(
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

fn background_route_subject(target: Target) -> Subject {
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let checker = background(Duration::from_secs(3600), async || Ok(()));
    // `run` never ends; the first check is done when it yields for the second time.
    runtime.block_on(async {
        let _ = tokio::time::timeout(Duration::from_millis(20), checker.clone().run()).await;
    });
    let app = background_route(app(), path(target), checker);
    Subject::new(target, app.with_state::<()>(())).keeping(runtime)
}

/// `health` runs one check in the background, and leaves HTTP to the application.
pub(crate) fn background_route<R>(app: Router, path: &str, reporter: R) -> Router
where
    R: Reporter + Clone + Send + Sync + 'static,
{
    let probe = async |State(reporter): State<R>| match reporter.status() {
        Some(health::Status::Healthy) => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    app.merge(Router::new().route(path, get(probe)).with_state(reporter))
}

/// The checker of `health`. The caller spawns `run`.
pub(crate) fn background<F>(
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

/// A report that was requested before.
fn report<const CHECKS: usize>(target: Target) -> Subject {
    detailed(Ready::with_checks(CHECKS), target)
}

/// A report that was not requested before.
fn fresh<const CHECKS: usize>(target: Target) -> Subject {
    detailed(outdated(CHECKS), target)
}

fn detailed(ready: Ready, target: Target) -> Subject {
    let builder = HealthLayer::builder(ready.health.clone()).details(Details::always());
    let layer = builder.build().expect("every setting is right");
    Subject::new(target, layer.layer(service_fn(plain))).keeping(ready)
}

fn snapshot<const CHECKS: usize>(target: Target) -> Subject {
    let ready = outdated(CHECKS);
    let health = ready.health.clone();
    let service = service_fn(move |request| {
        black_box(health.snapshot());
        plain(request)
    });
    Subject::new(target, service).keeping(ready)
}

/// The refresher stands still and never sees the change, so every request finds the latest snapshot
/// outdated.
fn outdated(checks: usize) -> Ready {
    let ready = Ready::with_checks(checks);
    ready.health.refuse_traffic("for a moment");
    ready.health.accept_traffic();
    ready
}
