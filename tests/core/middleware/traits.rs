//! What the types promise without saying so: a change here would break users without a word.

use std::cell::Cell;
use std::convert::Infallible;
use std::io::Cursor;
use std::rc::Rc;

use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower::util::{BoxCloneService, BoxCloneSyncService};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_health::{Health, HealthService, ProbeBody, ResponseBody, Status};

use super::support::{Body, Mock, get, ok, probes_answer_at_once};
use crate::support::layer;

fn is_shareable<T: Send + Sync + Unpin + Clone + 'static>(_: &T) {}
fn is_sendable<T: Send + 'static>(_: &T) {}
fn is_unpin<T: Unpin>(_: &T) {}

async fn handler(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(ok())
}

fn public(_: ProbeBody) -> Body {
    Full::from("mapped")
}

#[test]
fn handle_layer_and_service_can_be_shared_among_threads() {
    is_shareable(&Health::fixed(Status::Pass));
    is_shareable(&Health::fixed(Status::Pass).downgrade());
    is_shareable(&layer());
    is_shareable(&layer().map_body(public));
    is_shareable(&layer().layer(service_fn(handler)));
    is_shareable(&layer().map_body(public).layer(service_fn(handler)));
}

#[test]
fn responses_can_be_sent_to_other_threads() {
    let mut service = layer().layer(service_fn(handler));
    for path in ["/", "/livez"] {
        let future = service.call(get(path));
        is_sendable(&future);
        let response = future.now_or_never().unwrap().unwrap();
        is_sendable(&response);
        is_unpin(&response);
    }
    let mut service: HealthService<Mock> = layer().layer(tower_test::mock::pair().0);
    let future = service.call(get("/"));
    is_sendable(&future);
    is_unpin(&future); // as that of the mock
}

#[test]
fn the_service_can_be_boxed_in_every_way_of_tower() {
    let service = layer().layer(service_fn(handler));
    probes_answer_at_once(&mut BoxCloneSyncService::new(service.clone()));
    probes_answer_at_once(&mut BoxCloneService::new(service.clone()));
    probes_answer_at_once(&mut service.boxed());
}

#[test]
fn a_service_that_is_send_and_not_sync_stays_send() {
    let count = Cell::new(0);
    let service = service_fn(move |request: Request<Body>| {
        count.set(count.get() + 1);
        handler(request)
    });
    let mut service = layer().layer(service);
    is_sendable(&service);
    is_sendable(&service.call(get("/")));
    probes_answer_at_once(&mut service);
}

/// A body that is not `Send`.
type Local = Full<Cursor<Rc<[u8]>>>;

#[tokio::test]
async fn a_service_that_stays_on_its_thread_needs_no_send() {
    let local = Rc::new("local");
    let service = service_fn(move |_: Request<Local>| {
        let local = Rc::clone(&local);
        async move { Ok::<_, Rc<()>>(Response::new(local)) }
    });
    let service = layer().layer(service);
    let request = |path| {
        Request::get(path)
            .body(Local::new(Cursor::new(Rc::new([]))))
            .unwrap()
    };
    let response: Response<ResponseBody<Rc<&str>>> =
        service.clone().oneshot(request("/")).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        service.oneshot(request("/livez")).await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn a_function_maps_probe_answers_and_nothing_else() {
    let service = layer().map_body(public).layer(service_fn(handler));
    for (path, expected) in [("/livez", "mapped"), ("/", "the application")] {
        let response = service.clone().oneshot(get(path)).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, expected);
    }
}
