//! What a prober sees when a check hangs or panics, or the application takes no more requests.

use std::convert::Infallible;
use std::fmt::{self, Debug, Display, Formatter};
use std::future::{pending, ready};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use axum_health::prelude::{HealthDetail, HealthIndicator, health_check};
use http::{Request, Response, StatusCode};
use tokio::time::{sleep, timeout};
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, Service, ServiceExt};
use tower_health::{Check, Health, HealthLayer, indicator_fn};

use crate::controls::{app, atomic_route, by_hand};
use crate::peers::{
    AXUM_HEALTH, BACKGROUND, SMITHY, background, background_route, smithy, to_smithy,
};
use crate::questions::{BY_HAND, OURS, ROUTE};
use crate::refresher::block_on;
use crate::table::{Row, Section};

/// How long a prober waits: the default of Kubernetes.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) fn faults() -> Section {
    // A panic is one of the faults.
    std::panic::set_hook(Box::new(|_| {}));
    let rows = block_on(async {
        let mut rows = Vec::new();
        for fault in [Fault::Hangs, Fault::Panics] {
            rows.extend(a_check(fault).await);
        }
        rows.extend(saturated().await);
        rows
    });
    let _ = std::panic::take_hook();
    (
        "Probes while something is wrong; the prober waits 1 s",
        rows,
    )
}

/// What a check does.
#[derive(Clone, Copy)]
enum Fault {
    Hangs,
    Panics,
}

impl Fault {
    async fn happen(self) {
        match self {
            Self::Hangs => pending().await,
            Self::Panics => panic!("the check panicked, as it should"),
        }
    }
}

/// As an indicator of axum-health.
#[async_trait]
impl HealthIndicator for Fault {
    fn name(&self) -> String {
        "db".to_owned()
    }

    async fn details(&self) -> HealthDetail {
        self.happen().await;
        HealthDetail::up()
    }
}

async fn a_check(fault: Fault) -> Vec<Row> {
    let verb = match fault {
        Fault::Hangs => "hangs",
        Fault::Panics => "panics",
    };
    let row = |who: &str, path: &str, outcome: Outcome| {
        Row::new(
            format!("a check {verb}: {who}, {path}"),
            outcome.to_string(),
        )
    };
    let check = Check::new(indicator_fn("db", move || async move {
        fault.happen().await;
        Ok::<_, Infallible>(())
    }));
    let check = check.timeout(Duration::from_millis(100));
    let health = Health::builder().readiness(check).start();
    let layer = HealthLayer::new(health.expect("every setting is right"));
    let mut rows = Vec::new();
    for (path, expected) in [("/readyz", 503), ("/livez", 200)] {
        let outcome = probe(layer.layer(served(app())), path).await;
        let mut row = row(OURS, path, outcome);
        row.is_met = Some(outcome == Outcome::Answered(expected));
        rows.push(row);
    }

    let path = "/readyz";
    let app_with_indicator = app().route(path, get(health_check)).layer(
        axum_health::prelude::Health::builder()
            .with_indicator(fault)
            .build(),
    );
    rows.push(row(
        AXUM_HEALTH,
        path,
        probe(served(app_with_indicator), path).await,
    ));

    let check = move || async move {
        fault.happen().await;
        StatusCode::OK
    };
    let service = smithy(path, check, to_smithy().layer(served(app())));
    rows.push(row(SMITHY, path, probe(service, path).await));

    let checker = background(Duration::from_secs(1), move || async move {
        fault.happen().await;
        Ok(())
    });
    tokio::spawn(checker.clone().run());
    let service = served(background_route(app(), path, checker));
    let at_once = probe(service.clone(), path).await;
    rows.push(row(&format!("{BACKGROUND}, at once"), path, at_once));
    // Its leeway is three intervals.
    sleep(Duration::from_millis(3500)).await;
    let later = probe(service, path).await;
    rows.push(row(&format!("{BACKGROUND}, after its leeway"), path, later));
    rows
}

/// The application takes one request at a time, and has one that never ends. The limit stands around
/// the whole `Router`, as it does where it is to protect all of it.
async fn saturated() -> Vec<Row> {
    let limited = |app: Router| ConcurrencyLimitLayer::new(1).layer(served(slow(app)));
    let row = |who: &str, path: &str, outcome: Outcome| {
        let what = format!("inner service saturated: {who}, {path}");
        Row::new(what, outcome.to_string())
    };
    let health = Health::builder().start().expect("every setting is right");
    let mut rows = Vec::new();
    for path in ["/livez", "/readyz"] {
        let service = HealthLayer::new(health.clone()).layer(limited(app()));
        let outcome = beside_stuck(service, path).await;
        let mut row = row(OURS, path, outcome);
        row.is_met = Some(outcome == Outcome::Answered(200));
        rows.push(row);
    }
    let path = "/livez";
    let service = by_hand(path).layer(limited(app()));
    rows.push(row(BY_HAND, path, beside_stuck(service, path).await));
    let service = to_smithy().layer(limited(app()));
    let service = smithy(path, || ready(StatusCode::OK), service);
    rows.push(row(SMITHY, path, beside_stuck(service, path).await));
    let service = limited(atomic_route(app(), path));
    rows.push(row(ROUTE, path, beside_stuck(service, path).await));
    rows
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Answered(u16),
    Hung,
    Died,
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(code) => write!(f, "answered {code}"),
            Self::Hung => f.write_str("hung"),
            Self::Died => f.write_str("died"),
        }
    }
}

/// Probes from a task of its own, as a server has one for each connection.
async fn probe<S, B>(service: S, path: &'static str) -> Outcome
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug + Send, Future: Send>
        + Send
        + 'static,
    B: Send + 'static,
{
    // The fault has time to happen.
    sleep(Duration::from_millis(300)).await;
    let mut connection = tokio::spawn(service.oneshot(get_request(path)));
    let outcome = match timeout(PATIENCE, &mut connection).await {
        Ok(Ok(response)) => Outcome::Answered(response.expect("a response").status().as_u16()),
        Ok(Err(_)) => Outcome::Died,
        Err(_) => Outcome::Hung,
    };
    connection.abort();
    outcome
}

/// Probes while a request of `/slow` keeps the only place.
async fn beside_stuck<S, B>(service: S, path: &'static str) -> Outcome
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug + Send, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Send + 'static,
{
    let stuck = tokio::spawn(service.clone().oneshot(get_request("/slow")));
    let outcome = probe(service, path).await;
    stuck.abort();
    outcome
}

fn slow(app: Router) -> Router {
    app.route("/slow", get(pending::<()>))
}

fn served(app: Router) -> Router {
    app.with_state(())
}

fn get_request(path: &'static str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}
