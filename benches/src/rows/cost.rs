//! What the layer adds to the size of services and response futures, and what it keeps.

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use tower::util::BoxCloneService;
use tower::{Layer, Service, ServiceBuilder, service_fn};
use tower_health::{Health, HealthLayer, ProbeBody, ResponseBody, Status};

use crate::catalogue::plain;
use crate::counting::cost;
use crate::table::{Of, Row, Section};

pub fn sizes() -> Section {
    let mut section = Section::new("Sizes in bytes");
    let layer = HealthLayer::new(Health::fixed(Status::Pass));
    let service = size_of_val(&layer.layer(()));
    section.rows.push(Row::number(
        "HealthService over the inner service",
        "B",
        service as f64,
        Some(size_of::<usize>() as f64),
    ));
    let limited = ServiceBuilder::new()
        .concurrency_limit(1)
        .service(Router::<()>::new());
    section.rows.extend([
        future("a service that is ready at once", service_fn(plain)),
        future("axum Router", Router::<()>::new()),
        future("concurrency limit over axum", limited),
    ]);
    // A future that has no room for a probe answer, for once.
    let boxed = BoxCloneService::new(service_fn(plain));
    section.rows.push(future_row("boxed future", &boxed, None));
    section.rows.push(Row::difference(
        "body, over axum's",
        "B",
        size_of::<ResponseBody<Body>>() as f64,
        Of("axum Body", size_of::<Body>() as f64),
        None,
    ));
    section.rows.push(Row::number(
        "body of a probe",
        "B",
        size_of::<ProbeBody>() as f64,
        None,
    ));
    section
}

/// What an idle layer keeps, and an idle service of it.
pub fn kept() -> Section {
    let mut section = Section::new("Memory kept");
    let health = Health::fixed(Status::Pass);
    let (layer, per_layer) = cost(|| HealthLayer::new(health.clone()));
    let (_service, per_service) = cost(|| layer.layer(()));
    section.rows.push(Row::number(
        "an idle layer",
        "B",
        per_layer.kept as f64,
        None,
    ));
    section.rows.push(Row::number(
        "a further service of that layer (one for each route of an axum Router)",
        "B",
        per_service.kept as f64,
        Some(0.0),
    ));
    section
}

/// A future that has a bit to spare grows by nothing.
fn future<S, B>(what: &str, inner: S) -> Row
where
    S: Service<Request<Body>, Response = Response<B>> + Clone,
{
    future_row(what, &inner, Some(0.0))
}

fn future_row<S, B>(what: &str, inner: &S, at_most: Option<f64>) -> Row
where
    S: Service<Request<Body>, Response = Response<B>> + Clone,
{
    fn size<S: Service<Request<Body>>>(_: &S) -> f64 {
        size_of::<S::Future>() as f64
    }
    let layer = HealthLayer::new(Health::fixed(Status::Pass));
    Row::difference(
        format!("response future over {what}"),
        "B",
        size(&layer.layer(inner.clone())),
        Of("bare", size(inner)),
        at_most,
    )
}
