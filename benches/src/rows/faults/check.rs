//! A check goes wrong.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use async_trait::async_trait;
use axum_health::prelude::{HealthDetail, HealthIndicator};
use http::StatusCode;
use tokio::runtime::Runtime;
use tokio::time::sleep;
use tower::Layer;
use tower_health::{Check, Health, HealthLayer, indicator_fn};

use super::outcome::{Outcome, probe};
use super::{served, to_smithy};
use crate::catalogue::{
    AXUM_HEALTH, BACKGROUND, OURS, SMITHY, app, axum_health_with, background, background_route,
    smithy_with,
};
use crate::table::Row;

/// What a check does that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Hangs,
    Panics,
}

impl Wrong {
    pub(super) const ALL: [Self; 2] = [Self::Hangs, Self::Panics];

    pub(super) async fn go(self) {
        match self {
            Self::Hangs => pending().await,
            Self::Panics => panic!("the check panicked, as it should"),
        }
    }

    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Hangs => "hangs",
            Self::Panics => "panics",
        }
    }
}

pub(super) fn goes_wrong(runtime: &Runtime, wrong: Wrong) -> Vec<Row> {
    let title = |who: &str, path: &str| format!("a check {}: {who}, {path}", wrong.verb());
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
        rows.push(Row::outcome(title(OURS, path), outcome, Some(good)));
    }

    let path = "/readyz";
    let mut peer = |who: &str, outcome| rows.push(Row::outcome(title(who, path), outcome, None));
    let service = served(axum_health_with(app(), path, wrong));
    peer(AXUM_HEALTH, runtime.block_on(probe(service, path)));

    let check = move || async move {
        wrong.go().await;
        StatusCode::OK
    };
    let service = smithy_with(path, check, to_smithy().layer(served(app())));
    peer(SMITHY, runtime.block_on(probe(service, path)));

    let checker = background(Duration::from_secs(1), move || async move {
        wrong.go().await;
        Ok(())
    });
    runtime.spawn(checker.clone().run());
    let service = served(background_route(app(), path, checker));
    let early = runtime.block_on(probe(service.clone(), path));
    peer(&format!("{BACKGROUND}, at once"), early);
    // Its leeway is three intervals.
    let late = runtime.block_on(async {
        sleep(Duration::from_millis(3500)).await;
        probe(service, path).await
    });
    peer(&format!("{BACKGROUND}, after its leeway"), late);
    rows
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
