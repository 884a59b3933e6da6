//! The application takes one request at a time, and has one that never ends.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::middleware;
use tokio::runtime::Runtime;
use tower::Layer;
use tower::limit::{ConcurrencyLimit, ConcurrencyLimitLayer};
use tower_health::{Health, HealthLayer};

use super::outcome::{Outcome, beside_stuck, probe};
use super::{served, slow, to_smithy};
use crate::catalogue::{
    ATOMIC, AXUM_HEALTH, BACKGROUND, BY_HAND, ByHand, FROM_FN, OURS, SMITHY, app, atomic_route,
    axum_health, background, background_route, intercept, smithy,
};
use crate::table::Row;

const LIMIT: ConcurrencyLimitLayer = ConcurrencyLimitLayer::new(1);

/// Where a peer is a route the limit stands around the whole `Router`, as it does if it is to
/// protect all of it.
pub(super) fn limited(app: Router) -> ConcurrencyLimit<Router> {
    LIMIT.layer(served(app))
}

pub(super) fn saturated(runtime: &Runtime) -> Vec<Row> {
    let _context = runtime.enter();
    let title = |who: &str, path: &str| format!("inner service saturated: {who}, {path}");
    let slow = || slow(app());
    let mut rows = Vec::new();

    let health = Health::builder().start().expect("every setting is right");
    for path in ["/livez", "/readyz"] {
        let service = HealthLayer::new(health.clone()).layer(limited(slow()));
        let outcome = runtime.block_on(beside_stuck(service, |service| probe(service, path)));
        let good = outcome == Outcome::Answered(200);
        rows.push(Row::outcome(title(OURS, path), outcome, Some(good)));
    }

    let path = "/livez";
    let service = ByHand::layer(path).layer(limited(slow()));
    let by_hand = runtime.block_on(beside_stuck(service, |service| probe(service, path)));
    let service = smithy(path, to_smithy().layer(limited(slow())));
    let smithy = runtime.block_on(beside_stuck(service, |service| probe(service, path)));
    let state = Arc::new(AtomicBool::new(true));
    let from_fn = middleware::from_fn_with_state(state, intercept);
    let service = served(slow().layer(LIMIT).layer(from_fn));
    let from_fn = runtime.block_on(beside_stuck(service, |service| probe(service, path)));
    let route =
        |app: Router| runtime.block_on(beside_stuck(limited(app), |service| probe(service, path)));
    let checker = background(Duration::from_secs(1), async || Ok(()));
    rows.extend(
        [
            (BY_HAND, by_hand),
            (SMITHY, smithy),
            (FROM_FN, from_fn),
            (ATOMIC, route(atomic_route(slow(), path))),
            (AXUM_HEALTH, route(axum_health(slow(), path))),
            (BACKGROUND, route(background_route(slow(), path, checker))),
        ]
        .map(|(who, outcome)| Row::outcome(title(who, path), outcome, None)),
    );
    rows
}
