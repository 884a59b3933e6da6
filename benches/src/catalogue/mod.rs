//! Every service that is measured, by the stack that it stands in.
//!
//! What is fair: a stack is compared with the same stack without a layer, or with a layer that does
//! nothing; the time to build a request is part of every time, for all alike; routers are as
//! `axum::serve` has them (`with_state`), so that no route is made anew for each request.

mod apps;
mod by_hand;
mod ours;
mod peers;

use crate::ask::Ask;
use crate::subject::Subject;

pub use apps::{app, plain};
pub use by_hand::{ByHand, atomic_route, intercept};
pub use ours::Ready;
pub use peers::{
    Pushed, axum_health, axum_health_with, background, background_route, smithy, smithy_with,
    tonic_health_pushed,
};

/// How a subject is made.
#[derive(Clone, Copy)]
pub struct Spec {
    pub stack: &'static str,
    pub name: &'static str,
    make: fn(&'static str, Ask) -> Subject,
}

impl Spec {
    const fn new(
        stack: &'static str,
        name: &'static str,
        make: fn(&'static str, Ask) -> Subject,
    ) -> Self {
        Self { stack, name, make }
    }

    pub fn make(&self, ask: Ask) -> Subject {
        (self.make)(self.name, ask)
    }

    /// Tells it from all others.
    pub fn id(&self) -> String {
        format!("{}: {}", self.stack, self.name)
    }
}

pub const SERVICE: &str = "bare service";
pub const OUTSIDE: &str = "outside an axum Router";
pub const INSIDE: &str = "Router::layer";
pub const TONIC: &str = "tonic Routes";
pub const HYPER: &str = "hyper service";
pub const ROUTES: &str = "route of the application";
pub const GRPC: &str = "grpc.health.v1 Check";

pub const BARE: &str = "bare";
pub const IDENTITY: &str = "Identity";
pub const OURS: &str = "tower-health";
pub const MAPPED: &str = "tower-health, map_body";
pub const BY_HAND: &str = "hand-written layer";
pub const FROM_FN: &str = "middleware::from_fn";
pub const SMITHY: &str = "smithy AlbHealthCheckLayer";
pub const AXUM_HEALTH: &str = "axum-health";
pub const BACKGROUND: &str = "health 0.2";
pub const ATOMIC: &str = "hand-written route";
pub const TONIC_HEALTH: &str = "tonic-health";

const SPECS: [Spec; 26] = [
    Spec::new(SERVICE, BARE, apps::bare_service),
    Spec::new(SERVICE, OURS, ours::service),
    Spec::new(SERVICE, BY_HAND, by_hand::service),
    Spec::new(SERVICE, SMITHY, peers::smithy_service),
    Spec::new(OUTSIDE, BARE, apps::bare_router),
    Spec::new(OUTSIDE, OURS, ours::outside),
    Spec::new(OUTSIDE, MAPPED, ours::outside_mapped),
    Spec::new(OUTSIDE, BY_HAND, by_hand::outside),
    Spec::new(OUTSIDE, SMITHY, peers::smithy_outside),
    Spec::new(INSIDE, IDENTITY, apps::identity),
    Spec::new(INSIDE, OURS, ours::inside),
    Spec::new(INSIDE, MAPPED, ours::inside_mapped),
    Spec::new(INSIDE, BY_HAND, by_hand::inside),
    Spec::new(INSIDE, FROM_FN, by_hand::from_fn),
    Spec::new(INSIDE, AXUM_HEALTH, peers::axum_health_inside),
    Spec::new(TONIC, BARE, apps::bare_tonic),
    Spec::new(TONIC, OURS, ours::tonic),
    Spec::new(TONIC, MAPPED, ours::tonic_mapped),
    Spec::new(HYPER, BARE, apps::bare_hyper),
    Spec::new(HYPER, OURS, ours::hyper),
    Spec::new(ROUTES, MAPPED, ours::outside_mapped),
    Spec::new(ROUTES, ATOMIC, by_hand::route),
    Spec::new(ROUTES, AXUM_HEALTH, peers::axum_health_inside),
    Spec::new(ROUTES, BACKGROUND, peers::background_subject),
    Spec::new(GRPC, OURS, ours::service),
    Spec::new(GRPC, TONIC_HEALTH, peers::tonic_health),
];

/// Those of a stack; its control is the first, or in `ROUTES` and `GRPC` this crate.
pub fn stack(stack: &str) -> Vec<Spec> {
    let specs = SPECS.into_iter();
    specs.filter(|spec| spec.stack == stack).collect()
}

pub fn by_id(id: &str) -> Option<Spec> {
    SPECS.into_iter().find(|spec| spec.id() == id)
}
