//! Every service that is measured, by the stack that it stands in.
//!
//! What is fair: a stack is compared with the same stack without a layer, or with a layer that does
//! nothing; requests are built before the clock runs; routers are as
//! `axum::serve` has them (`with_state`), so that no route is made anew for each request.

mod apps;
mod by_hand;
mod ours;
mod peers;
mod scale;

use crate::ask::Ask;
use crate::subject::Subject;

pub use apps::{app, plain};
pub use by_hand::{ByHand, atomic_route, intercept};
pub use ours::Ready;
pub use peers::{
    Pushed, axum_health, axum_health_with, background, background_route, smithy, smithy_with,
    tonic_health_app, tonic_health_pushed,
};

/// How a subject is made.
#[derive(Clone, Copy)]
pub struct Spec {
    pub stack: &'static str,
    pub name: &'static str,
    pub side: Side,
    make: fn(&'static str, Ask) -> Subject,
}

/// Whose numbers are judged, and what they are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Ours,
    Other,
}

type Make = fn(&'static str, Ask) -> Subject;

impl Spec {
    const fn ours(stack: &'static str, name: &'static str, make: Make) -> Self {
        Self {
            stack,
            name,
            side: Side::Ours,
            make,
        }
    }

    const fn other(stack: &'static str, name: &'static str, make: Make) -> Self {
        Self {
            stack,
            name,
            side: Side::Other,
            make,
        }
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
pub const TONIC_CHECK: &str = "Check in tonic Routes";
pub const HYPER: &str = "hyper service";
pub const ROUTES: &str = "route of the application";
pub const GRPC: &str = "grpc.health.v1 Check";

pub const CHECKS: &str = "checks";
pub const REPORT: &str = "report";
pub const FRESH: &str = "fresh report";
pub const SNAPSHOT: &str = "snapshot";
pub const SATURATED: &str = "saturation";

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
pub const ONE: &str = "1 check";
pub const TEN: &str = "10 checks";
pub const HUNDRED: &str = "100 checks";
pub const THOUSAND: &str = "1,000 checks";
pub const IDLE: &str = "idle";
pub const STUCK: &str = "1,000 requests stuck";

const SPECS: [Spec; 48] = [
    Spec::other(SERVICE, BARE, apps::bare_service),
    Spec::ours(SERVICE, OURS, ours::service),
    Spec::other(SERVICE, BY_HAND, by_hand::service),
    Spec::other(SERVICE, SMITHY, peers::smithy_service),
    Spec::other(OUTSIDE, BARE, apps::bare_router),
    Spec::ours(OUTSIDE, OURS, ours::outside),
    Spec::ours(OUTSIDE, MAPPED, ours::outside_mapped),
    Spec::other(OUTSIDE, BY_HAND, by_hand::outside),
    Spec::other(OUTSIDE, SMITHY, peers::smithy_outside),
    Spec::other(INSIDE, IDENTITY, apps::identity),
    Spec::ours(INSIDE, OURS, ours::inside),
    Spec::ours(INSIDE, MAPPED, ours::inside_mapped),
    Spec::other(INSIDE, BY_HAND, by_hand::inside),
    Spec::other(INSIDE, FROM_FN, by_hand::from_fn),
    Spec::other(INSIDE, AXUM_HEALTH, peers::axum_health_inside),
    Spec::other(TONIC, BARE, apps::bare_tonic),
    Spec::ours(TONIC, OURS, ours::tonic),
    Spec::ours(TONIC, MAPPED, ours::tonic_mapped),
    Spec::ours(TONIC_CHECK, OURS, ours::tonic),
    Spec::ours(TONIC_CHECK, MAPPED, ours::tonic_mapped),
    Spec::other(TONIC_CHECK, TONIC_HEALTH, peers::tonic_health_routes),
    Spec::other(HYPER, BARE, apps::bare_hyper),
    Spec::ours(HYPER, OURS, ours::hyper),
    Spec::ours(ROUTES, MAPPED, ours::outside_mapped),
    Spec::other(ROUTES, ATOMIC, by_hand::route),
    Spec::other(ROUTES, AXUM_HEALTH, peers::axum_health_inside),
    Spec::other(ROUTES, BACKGROUND, peers::background_subject),
    Spec::ours(GRPC, OURS, ours::service),
    Spec::other(GRPC, TONIC_HEALTH, peers::tonic_health),
    Spec::other(CHECKS, ONE, scale::public::<1>),
    Spec::ours(CHECKS, TEN, scale::public::<10>),
    Spec::ours(CHECKS, HUNDRED, scale::public::<100>),
    Spec::ours(CHECKS, THOUSAND, scale::public::<1000>),
    Spec::ours(REPORT, ONE, scale::report::<1>),
    Spec::ours(REPORT, TEN, scale::report::<10>),
    Spec::ours(REPORT, HUNDRED, scale::report::<100>),
    Spec::ours(REPORT, THOUSAND, scale::report::<1000>),
    Spec::ours(FRESH, ONE, scale::fresh::<1>),
    Spec::ours(FRESH, TEN, scale::fresh::<10>),
    Spec::ours(FRESH, HUNDRED, scale::fresh::<100>),
    Spec::ours(FRESH, THOUSAND, scale::fresh::<1000>),
    Spec::ours(SNAPSHOT, ONE, scale::snapshot::<1>),
    Spec::ours(SNAPSHOT, TEN, scale::snapshot::<10>),
    Spec::ours(SNAPSHOT, HUNDRED, scale::snapshot::<100>),
    Spec::ours(SNAPSHOT, THOUSAND, scale::snapshot::<1000>),
    Spec::other(REPORT, AXUM_HEALTH, peers::axum_health_inside),
    Spec::other(SATURATED, IDLE, scale::idle),
    Spec::ours(SATURATED, STUCK, scale::stuck),
];

/// Those of a stack.
pub fn stack(stack: &str) -> Vec<Spec> {
    let specs = SPECS.into_iter();
    specs.filter(|spec| spec.stack == stack).collect()
}

pub fn by_id(id: &str) -> Option<Spec> {
    SPECS.into_iter().find(|spec| spec.id() == id)
}
