//! What becomes of a probe when things go wrong: seen in runs, each with a bounded wait.

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use aws_smithy_http_server::body::boxed;
use axum::Router;
use axum::body::Body;
use axum::middleware;
use axum_health::prelude::{HealthDetail, HealthIndicator};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};
use tower::limit::ConcurrencyLimitLayer;
use tower::util::MapResponseLayer;
use tower::{Layer, Service, ServiceExt};
use tower_health::{Check, Health, HealthLayer, indicator_fn};

use crate::catalogue::{
    ATOMIC, AXUM_HEALTH, BACKGROUND, BY_HAND, ByHand, FROM_FN, SMITHY, app, atomic_route,
    axum_health, axum_health_with, background, background_route, intercept, smithy, smithy_with,
};
use crate::table::{Row, Section};

/// How long a prober waits: the default of Kubernetes.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a check does that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Hangs,
    Panics,
}

impl Wrong {
    async fn go(self) {
        match self {
            Self::Hangs => pending().await,
            Self::Panics => panic!("the check panicked, as it should"),
        }
    }
}

pub fn faults() -> Section {
    std::panic::set_hook(Box::new(|_| {}));
    let mut section = Section::new(
        "Probes while something is wrong; the prober waits 1 s, a fault in the task of its \
         connection ends that",
    );
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    for wrong in [Wrong::Hangs, Wrong::Panics] {
        section.rows.extend(check_goes_wrong(&runtime, wrong));
    }
    section.rows.extend(saturated(&runtime));
    let _ = std::panic::take_hook();
    section
}

fn check_goes_wrong(runtime: &Runtime, wrong: Wrong) -> Vec<Row> {
    let title = |who: &str, path: &str| format!("a check {}: {who}, {path}", verb(wrong));
    let _context = runtime.enter();
    let mut rows = Vec::new();

    let check = Check::new(indicator_fn("db", move || async move {
        wrong.go().await;
        Ok::<_, Infallible>(())
    }));
    let check = check.timeout(Duration::from_millis(100));
    let health = Health::builder().readiness(check).start();
    let layer = HealthLayer::new(health.expect("every setting is right"));
    for (path, expected) in [("/readyz", 503), ("/livez", 200)] {
        let service = layer.layer(served(app()));
        let outcome = runtime.block_on(probe(service, path));
        let good = outcome == Outcome::Answered(expected);
        rows.push(Row::outcome(
            title("tower-health", path),
            outcome,
            Some(good),
        ));
    }

    let peer = |who: &str, outcome: Outcome| Row::outcome(title(who, "/readyz"), outcome, None);
    let service = served(axum_health_with(app(), "/readyz", wrong));
    rows.push(peer(
        AXUM_HEALTH,
        runtime.block_on(probe(service, "/readyz")),
    ));

    let check = move || async move {
        wrong.go().await;
        StatusCode::OK
    };
    let service = smithy_with("/readyz", check, to_smithy().layer(served(app())));
    rows.push(peer(SMITHY, runtime.block_on(probe(service, "/readyz"))));

    let checker = background(Duration::from_secs(1), move || async move {
        wrong.go().await;
        Ok(())
    });
    runtime.spawn(checker.clone().run());
    let service = served(background_route(app(), "/readyz", checker));
    let early = runtime.block_on(probe(service.clone(), "/readyz"));
    rows.push(peer(&format!("{BACKGROUND}, at once"), early));
    // Its leeway is three intervals.
    let late = runtime.block_on(async {
        sleep(Duration::from_millis(3500)).await;
        probe(service, "/readyz").await
    });
    rows.push(peer(&format!("{BACKGROUND}, after its leeway"), late));
    rows
}

fn verb(wrong: Wrong) -> &'static str {
    match wrong {
        Wrong::Hangs => "hangs",
        Wrong::Panics => "panics",
    }
}

/// The application takes one request at a time, and has one that never ends. Where a peer is a
/// route the limit stands around the whole `Router`, as it does if it is to protect all of it.
fn saturated(runtime: &Runtime) -> Vec<Row> {
    let _context = runtime.enter();
    let title = |who: &str, path: &str| format!("inner service saturated: {who}, {path}");
    let limit = ConcurrencyLimitLayer::new(1);
    let limited = |app: Router| limit.layer(served(app));
    let mut rows = Vec::new();

    let health = Health::builder().start().expect("every setting is right");
    for path in ["/livez", "/readyz"] {
        let service = HealthLayer::new(health.clone()).layer(limited(slow()));
        let outcome = runtime.block_on(probe_beside_stuck(service, path));
        let good = outcome == Outcome::Answered(200);
        rows.push(Row::outcome(
            title("tower-health", path),
            outcome,
            Some(good),
        ));
    }

    let path = "/livez";
    let peer = |who: &str, outcome: Outcome| Row::outcome(title(who, path), outcome, None);
    let service = ByHand::layer(path).layer(limited(slow()));
    rows.push(peer(
        BY_HAND,
        runtime.block_on(probe_beside_stuck(service, path)),
    ));
    let service = smithy(path, to_smithy().layer(limited(slow())));
    rows.push(peer(
        SMITHY,
        runtime.block_on(probe_beside_stuck(service, path)),
    ));
    let state = Arc::new(AtomicBool::new(true));
    let service = slow()
        .layer(ConcurrencyLimitLayer::new(1))
        .layer(middleware::from_fn_with_state(state, intercept));
    rows.push(peer(
        FROM_FN,
        runtime.block_on(probe_beside_stuck(served(service), path)),
    ));
    let service = limited(atomic_route(slow(), path));
    rows.push(peer(
        ATOMIC,
        runtime.block_on(probe_beside_stuck(service, path)),
    ));
    let service = limited(axum_health(slow(), path));
    rows.push(peer(
        AXUM_HEALTH,
        runtime.block_on(probe_beside_stuck(service, path)),
    ));
    let checker = background(Duration::from_secs(1), async || Ok(()));
    let service = limited(background_route(slow(), path, checker));
    rows.push(peer(
        BACKGROUND,
        runtime.block_on(probe_beside_stuck(service, path)),
    ));
    rows
}

/// With a route that never ends.
fn slow() -> Router {
    app().route("/slow", axum::routing::get(pending::<()>))
}

fn served(app: Router) -> Router {
    app.with_state(())
}

fn to_smithy<B>() -> MapResponseLayer<impl Fn(Response<B>) -> Response<Boxed> + Clone>
where
    B: http_body::Body<Data = bytes::Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    MapResponseLayer::new(|response: Response<B>| response.map(boxed))
}

type Boxed = aws_smithy_http_server::body::BoxBody;

/// What a prober sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Answered(u16),
    Hung,
    Died,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answered(code) => write!(f, "answered {code}"),
            Self::Hung => f.write_str("hung"),
            Self::Died => f.write_str("died"),
        }
    }
}

/// In a task of its own, as a server has one for each connection.
async fn probe<S, B>(service: S, path: &'static str) -> Outcome
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug + Send, Future: Send>
        + Send
        + 'static,
    B: http_body::Body<Data: Send, Error: Debug + Send> + Send + 'static,
{
    // What was started has time to go wrong.
    sleep(Duration::from_millis(300)).await;
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let mut connection = tokio::spawn(async move {
        let response = service.oneshot(request).await.expect("a response");
        let code = response.status().as_u16();
        response.into_body().collect().await.expect("a body");
        code
    });
    let outcome = match timeout(PATIENCE, &mut connection).await {
        Ok(Ok(code)) => Outcome::Answered(code),
        Ok(Err(_)) => Outcome::Died,
        Err(_) => Outcome::Hung,
    };
    connection.abort();
    outcome
}

/// The same while a request keeps the only place.
async fn probe_beside_stuck<S, B>(service: S, path: &'static str) -> Outcome
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug + Send, Future: Send>
        + Clone
        + Send
        + 'static,
    B: http_body::Body<Data: Send, Error: Debug + Send> + Send + 'static,
{
    let request = Request::get("/slow").body(Body::empty());
    let stuck = service.clone().oneshot(request.expect("a request"));
    let stuck = tokio::spawn(async move { drop(stuck.await) });
    let outcome = probe(service, path).await;
    stuck.abort();
    outcome
}

/// As an indicator of axum-health.
#[async_trait]
impl HealthIndicator for Wrong {
    fn name(&self) -> String {
        "db".to_owned()
    }

    async fn details(&self) -> HealthDetail {
        self.go().await;
        HealthDetail::up()
    }
}
