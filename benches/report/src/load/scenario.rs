//! What a server serves, and what is wrong with it.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use http::Uri;
use http_body_util::BodyExt;
use tonic::service::Routes;
use tonic_health::server::health_reporter;
use tower::limit::ConcurrencyLimitLayer;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt};
use tower_health::{Check, Health, HealthLayer, MapBody, ProbeBody, indicator_fn};

use crate::controls::{app, atomic_route, by_hand};
use crate::questions::TONIC_HEALTH;
use crate::subject::{GRPC_CHECK, request};

/// An application, with what stands around it.
pub(super) type App = BoxCloneSyncService<Request, Response, Infallible>;

/// How often the check of a server ran.
pub(super) type Runs = Arc<AtomicUsize>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scenario {
    /// The application alone.
    Bare,
    /// The layer around its router.
    Outside,
    /// The layer within `Router::layer`.
    Inside,
    /// A layer as people write it, around the router.
    ByHand,
    /// A route that reads an atomic.
    Route,
    /// A service of gRPC, among those of the application.
    TonicHealth,
    /// The layer around a router that takes no more requests, with a thousand of them waiting.
    Saturated,
    /// The layer, with a check that hangs.
    Hung,
    /// The layer, with a worker of the runtime that is blocked for good.
    Blocked,
}

impl Scenario {
    const ALL: [Self; 9] = [
        Self::Bare,
        Self::Outside,
        Self::Inside,
        Self::ByHand,
        Self::Route,
        Self::TonicHealth,
        Self::Saturated,
        Self::Hung,
        Self::Blocked,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "without a layer",
            Self::Outside => "tower-health around the Router",
            Self::Inside => "tower-health in Router::layer",
            Self::ByHand => "hand-written layer around the Router",
            Self::Route => "hand-written route",
            Self::TonicHealth => TONIC_HEALTH,
            Self::Saturated => "inner service saturated, 1,000 requests stuck",
            Self::Hung => "a check hangs",
            Self::Blocked => "a worker of the runtime is blocked",
        }
    }

    pub(super) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// Makes what is served. Must be called within a runtime.
    pub(super) async fn app(self) -> (App, Runs) {
        let runs = Runs::default();
        let app = app().route("/slow", get(pending::<()>));
        let app = match self {
            Self::Bare => boxed(served(app)),
            Self::Route => boxed(served(atomic_route(app, "/livez"))),
            // tonic-health reports `SERVING` from the start.
            Self::TonicHealth => boxed(
                Routes::new(health_reporter().1)
                    .prepare()
                    .into_axum_router(),
            ),
            Self::ByHand => boxed(by_hand("/livez").layer(served(app))),
            Self::Inside => boxed(served(app.layer(layer(&runs, self)))),
            Self::Outside | Self::Hung => boxed(layer(&runs, self).layer(served(app))),
            Self::Blocked => {
                tokio::spawn(async { thread::sleep(Duration::from_secs(3600)) });
                boxed(layer(&runs, self).layer(served(app)))
            }
            Self::Saturated => {
                let limited = ConcurrencyLimitLayer::new(10).layer(served(app));
                let app = boxed(layer(&runs, self).layer(limited));
                for _ in 0..1000 {
                    let request = Request::get("/slow").body(Body::empty());
                    let stuck = app.clone().oneshot(request.expect("a request"));
                    tokio::spawn(async { drop(stuck.await) });
                }
                app
            }
        };
        (app, runs)
    }
}

/// Waits until a `Check` reports `SERVING`: a load generator does not look at the answer.
pub(super) async fn serves_checks(app: App) {
    // A frame of gRPC with a message.
    const SERVING: [u8; 7] = [0, 0, 0, 0, 2, 8, 1];
    loop {
        let request = request(&Uri::from_static(GRPC_CHECK));
        let response = app.clone().oneshot(request).await;
        let response = response.unwrap_or_else(|never| match never {});
        let message = response.into_body().collect().await.expect("a message");
        if message.to_bytes() == SERVING[..] {
            return;
        }
        tokio::task::yield_now().await;
    }
}

type ToAxum = MapBody<fn(ProbeBody) -> Body>;

fn layer(runs: &Runs, scenario: Scenario) -> HealthLayer<ToAxum> {
    let runs = Arc::clone(runs);
    let check = Check::new(indicator_fn("db", move || {
        runs.fetch_add(1, Ordering::Relaxed);
        async move {
            if scenario == Scenario::Hung {
                pending::<()>().await;
            }
            Ok::<_, Infallible>(())
        }
    }));
    let health = Health::builder()
        // No run by schedule falls into a measurement while the check hangs.
        .readiness(check.timeout(Duration::from_secs(120)))
        .start();
    let layer = HealthLayer::new(health.expect("every setting is right"));
    layer.map_body(Body::new)
}

fn served(app: Router) -> Router {
    app.with_state(())
}

/// The box costs one allocation for a request, in every scenario.
fn boxed<S>(service: S) -> App
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    BoxCloneSyncService::new(service)
}
