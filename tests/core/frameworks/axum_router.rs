//! Where in an axum router the layer answers, and where a wrong place looks healthy.
//!
//! Readiness fails throughout: a 200 with a page is the false green of the ordering guide.

use axum::body::Body;
use axum::routing::{MethodRouter, get};
use axum::{Router, middleware};
use http::{Request, StatusCode};
use tower::ServiceExt;
use tower_health::{Health, HealthLayer, Status};

use super::support::Answer;
use crate::support::prober::FAIL;

const PAGE: &str = "<!doctype html>";

fn layer() -> HealthLayer {
    HealthLayer::new(Health::fixed(Status::Fail))
}

fn page() -> MethodRouter {
    get(|| async { PAGE })
}

fn routes() -> Router {
    Router::new().route("/x", get(|| async { "x" }))
}

/// A router that says 200 to every path, as a single-page application needs it.
fn pages() -> Router {
    Router::new().route("/y", page()).fallback_service(page())
}

async fn ask(app: Router, path: &str) -> Answer {
    let request = Request::get(path).body(Body::empty()).unwrap();
    Answer::of(app.oneshot(request).await.unwrap()).await
}

struct Case {
    name: &'static str,
    app: Router,
    path: &'static str,
    seen: (u16, &'static str),
}

async fn all_hold<const N: usize>(cases: [Case; N]) {
    for case in cases {
        let answer = ask(case.app, case.path).await;
        assert_eq!(answer.seen(), case.seen, "{}", case.name);
    }
}

fn case(name: &'static str, app: Router, path: &'static str, seen: (u16, &'static str)) -> Case {
    Case {
        name,
        app,
        path,
        seen,
    }
}

const PROBE: (u16, &str) = (503, FAIL);
const FALSE_GREEN: (u16, &str) = (200, PAGE);
const NOTHING: (u16, &str) = (404, "");

#[tokio::test]
async fn the_last_call_answers_whatever_the_router_holds() {
    all_hold([
        case("routes", routes().layer(layer()), "/readyz", PROBE),
        case("nothing", Router::new().layer(layer()), "/readyz", PROBE),
        case("a fallback", pages().layer(layer()), "/readyz", PROBE),
        case(
            "a wildcard",
            routes().route("/{*rest}", page()).layer(layer()),
            "/readyz",
            PROBE,
        ),
        case(
            "a router that was merged in",
            routes().merge(pages()).layer(layer()),
            "/readyz",
            PROBE,
        ),
        case(
            "a router that was nested",
            Router::new().nest("/api", pages()).layer(layer()),
            "/readyz",
            PROBE,
        ),
        case(
            "a route at the same path",
            Router::new().route("/readyz", page()).layer(layer()),
            "/readyz",
            PROBE,
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_comes_after_the_layer_is_outside_of_it() {
    all_hold([
        case(
            "a fallback",
            routes().layer(layer()).fallback_service(page()),
            "/readyz",
            FALSE_GREEN,
        ),
        case(
            "a wildcard",
            routes().layer(layer()).route("/{*rest}", page()),
            "/readyz",
            FALSE_GREEN,
        ),
        case(
            "a route at the same path",
            routes().layer(layer()).route("/readyz", page()),
            "/readyz",
            FALSE_GREEN,
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_route_layer_never_sees_a_path_without_a_route() {
    all_hold([
        case(
            "no fallback",
            routes().route_layer(layer()),
            "/readyz",
            NOTHING,
        ),
        case(
            "a fallback",
            pages().route_layer(layer()),
            "/readyz",
            FALSE_GREEN,
        ),
    ])
    .await;
}

#[tokio::test]
async fn merging_loses_the_layer_to_the_other_routers_fallback() {
    all_hold([
        case(
            "into a router with a fallback",
            pages().merge(routes().layer(layer())),
            "/readyz",
            FALSE_GREEN,
        ),
        case(
            "a router with a fallback",
            routes().layer(layer()).merge(pages()),
            "/readyz",
            FALSE_GREEN,
        ),
        case(
            "a router without one",
            routes()
                .layer(layer())
                .merge(Router::new().route("/y", page())),
            "/readyz",
            NOTHING,
        ),
    ])
    .await;
}

#[tokio::test]
async fn nesting_moves_the_layer_below_the_prefix_or_loses_it() {
    let nested = || Router::new().nest("/api", routes().layer(layer()));
    all_hold([
        case("without a fallback", nested(), "/api/readyz", NOTHING),
        case("and never at the root", nested(), "/readyz", NOTHING),
        case(
            "a fallback outside",
            nested().fallback_service(page()),
            "/readyz",
            FALSE_GREEN,
        ),
        case(
            "with a fallback of its own",
            Router::new().nest("/api", pages().layer(layer())),
            "/api/readyz",
            PROBE,
        ),
        case(
            "as a service",
            Router::new().nest_service("/api", routes().layer(layer())),
            "/api/readyz",
            PROBE,
        ),
    ])
    .await;
}

#[tokio::test]
async fn other_requests_reach_their_routes() {
    all_hold([
        case("a route", pages().layer(layer()), "/y", FALSE_GREEN),
        case("the fallback", pages().layer(layer()), "/z", FALSE_GREEN),
        case("no route", routes().layer(layer()), "/z", NOTHING),
    ])
    .await;
}

#[tokio::test]
async fn probes_need_no_login() {
    let login = middleware::from_fn(async |_: axum::extract::Request, _: middleware::Next| {
        StatusCode::UNAUTHORIZED
    });
    let app = routes().layer(login).layer(layer());
    assert_eq!(ask(app.clone(), "/x").await.code, 401);
    assert_eq!(ask(app, "/readyz").await.seen(), PROBE);
}
