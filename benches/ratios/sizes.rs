//! What the layer adds to the size of services and response futures, and what it keeps.

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use tower::util::BoxCloneService;
use tower::{Layer, Service, ServiceBuilder, service_fn};
use tower_health::{Health, HealthLayer, ProbeBody, ResponseBody, Status};

use crate::alloc::cost;
use crate::controls::plain;
use crate::table::{Row, Section};

pub(crate) fn sizes() -> Section {
    let number = |what, size, at_most| Row::number(what, "B", size as f64, at_most);
    let service = size_of_val(&HealthLayer::new(Health::fixed(Status::Pass)).layer(()));
    let limited = ServiceBuilder::new()
        .concurrency_limit(1)
        .service(Router::<()>::new());
    let boxed = BoxCloneService::new(service_fn(plain));
    let body = size_of::<ResponseBody<Body>>() as f64;
    let axum_body = ("axum Body", size_of::<Body>() as f64);
    let rows = vec![
        number("HealthService over the inner service", service, Some(8.0)),
        future(
            "a service that is ready at once",
            &service_fn(plain),
            Some(0.0),
        ),
        future("axum Router", &Router::<()>::new(), Some(0.0)),
        future("concurrency limit over axum", &limited, Some(0.0)),
        // A future without a spare bit pattern has no room for the answer to a probe.
        future("boxed future", &boxed, None),
        Row::difference("body, over axum's", "B", body, axum_body, None),
        number("body of a probe", size_of::<ProbeBody>(), None),
    ];
    ("Sizes in bytes", rows)
}

fn future<S, B>(what: &str, inner: &S, at_most: Option<f64>) -> Row
where
    S: Service<Request<Body>, Response = Response<B>> + Clone,
{
    fn size<S: Service<Request<Body>>>(_: &S) -> f64 {
        size_of::<S::Future>() as f64
    }
    let layer = HealthLayer::new(Health::fixed(Status::Pass));
    let (ours, bare) = (size(&layer.layer(inner.clone())), size(inner));
    let what = format!("response future over {what}");
    Row::difference(&what, "B", ours, ("bare", bare), at_most)
}

/// What an idle layer keeps, and each further service of it.
pub(crate) fn kept() -> Section {
    let health = Health::fixed(Status::Pass);
    let (layer, of_layer) = cost(|| HealthLayer::new(health.clone()));
    let (_service, of_service) = cost(|| layer.layer(()));
    let further = "a further service of that layer (one for each route of an axum Router)";
    let rows = vec![
        Row::number("an idle layer", "B", of_layer.kept as f64, None),
        Row::number(further, "B", of_service.kept as f64, Some(0.0)),
    ];
    ("Memory kept", rows)
}
