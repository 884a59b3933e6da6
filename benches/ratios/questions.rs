//! Which requests go to which stacks, and the targets.

use crate::question::Measure::{Allocations, Bytes, Instructions, Time};
use crate::question::{Limit, Question, Stack};
use crate::subject::{GRPC_CHECK, LIKE_PASS, LIVEZ, LONG_PASS, PASS, READYZ, Target};
use crate::{controls, ours};

pub(crate) const OURS: &str = "tower-health";
pub(crate) const MAPPED: &str = "tower-health, map_body";
pub(crate) const BARE: &str = "bare";
const IDENTITY: &str = "Identity";
pub(crate) const BY_HAND: &str = "hand-written layer";
pub(crate) const ROUTE: &str = "hand-written route";
pub(crate) const TONIC_HEALTH: &str = "tonic-health";
const PASSIVE: &str = "PassiveLayer";
const ONE: &str = "1 check";
const TEN: &str = "10 checks";
const HUNDRED: &str = "100 checks";
const THOUSAND: &str = "1,000 checks";
const COUNTING: &str = "probes counted";
const IDLE: &str = "idle";
const STUCK: &str = "1,000 requests stuck";

const SERVICE: Stack = Stack(
    &[(OURS, ours::service)],
    &[
        (BARE, controls::service),
        (BY_HAND, controls::layer_over_service),
    ],
);
const COUNTED: Stack = Stack(&[(PASSIVE, ours::passive)], &[(BARE, controls::service)]);
const OUTSIDE: Stack = Stack(
    &[(OURS, ours::outside), (MAPPED, ours::outside_mapped)],
    &[(BARE, controls::router), (BY_HAND, controls::layer_outside)],
);
const INSIDE: Stack = Stack(
    &[(OURS, ours::inside), (MAPPED, ours::inside_mapped)],
    &[
        (IDENTITY, controls::identity),
        (BY_HAND, controls::layer_inside),
    ],
);
/// `Identity` has no probe to answer.
const PROBE_INSIDE: Stack = Stack(INSIDE.0, &[(BY_HAND, controls::layer_inside)]);
const ROUTES: Stack = Stack(
    &[(MAPPED, ours::outside_mapped)],
    &[(ROUTE, controls::route)],
);
const GRPC: Stack = Stack(
    &[(OURS, ours::service)],
    &[(TONIC_HEALTH, controls::tonic_health)],
);
const TONIC_ROUTES: Stack = Stack(
    &[
        (OURS, ours::tonic_routes),
        (MAPPED, ours::tonic_routes_mapped),
    ],
    &[(TONIC_HEALTH, controls::tonic_health_routes)],
);
const CHECKS: Stack = Stack(
    &[
        (TEN, ours::with_checks::<10>),
        (HUNDRED, ours::with_checks::<100>),
        (THOUSAND, ours::with_checks::<1000>),
    ],
    &[(ONE, ours::with_checks::<1>)],
);
const COUNTED_PROBES: Stack = Stack(&[(COUNTING, ours::counting)], &[(OURS, ours::service)]);
const SATURATED: Stack = Stack(
    &[(STUCK, ours::saturated::<1000>)],
    &[(IDLE, ours::saturated::<0>)],
);

const fn question(
    title: &'static str,
    target: Target,
    stack: Stack,
    limits: &'static [Limit],
) -> Question {
    Question {
        title,
        target,
        stack,
        limits,
    }
}

// A limit of time or bytes is a multiple of the other's, one of allocations or instructions is what
// may be added to the other's.
#[rustfmt::skip]
pub(crate) const QUESTIONS: &[Question] = &[
    question("A request that passes through, over a service that does nothing", PASS, SERVICE,
        &[(Allocations, OURS, BARE, 0.0), (Instructions, OURS, BARE, 100.0)]),
    question("The same with a path as long as a probe's", LIKE_PASS, SERVICE,
        &[(Allocations, OURS, BARE, 0.0), (Instructions, OURS, BARE, 100.0)]),
    question("A request that passes through, layer outside an axum Router", PASS, OUTSIDE,
        &[(Allocations, OURS, BARE, 0.0), (Allocations, MAPPED, BARE, 0.0),
          (Instructions, MAPPED, BARE, 100.0),
          (Time, OURS, BARE, 1.03), (Time, MAPPED, BARE, 1.03)]),
    question("The same with a longer path", LONG_PASS, OUTSIDE,
        &[(Allocations, MAPPED, BARE, 0.0), (Time, MAPPED, BARE, 1.03)]),
    question("A request that passes through, inside Router::layer", PASS, INSIDE,
        &[(Allocations, OURS, IDENTITY, 2.0), (Allocations, MAPPED, IDENTITY, 0.0)]),
    question("GET /livez over a service that does nothing; the bare call answers something else",
        LIVEZ, SERVICE,
        &[(Allocations, OURS, BARE, 2.0), (Instructions, OURS, BARE, 1100.0)]),
    question("GET /readyz over a service that does nothing", READYZ, SERVICE,
        &[(Allocations, OURS, BARE, 2.0), (Instructions, OURS, BARE, 1100.0)]),
    question("GET /livez, layer outside an axum Router, against routes", LIVEZ, ROUTES,
        &[(Time, MAPPED, ROUTE, 0.35)]),
    question("GET /readyz, layer outside an axum Router, against routes", READYZ, ROUTES,
        &[(Time, MAPPED, ROUTE, 0.35)]),
    question("GET /readyz, layers inside Router::layer", READYZ, PROBE_INSIDE,
        &[(Allocations, OURS, BY_HAND, 0.0), (Allocations, MAPPED, BY_HAND, 0.0)]),
    question("grpc.health.v1 Check", GRPC_CHECK, GRPC,
        &[(Time, OURS, TONIC_HEALTH, 0.25), (Bytes, OURS, TONIC_HEALTH, 0.1)]),
    question("The same, around tonic's Routes or among them", GRPC_CHECK, TONIC_ROUTES, &[]),
    question("GET /readyz by the number of checks", READYZ, CHECKS,
        &[(Time, TEN, ONE, 1.05), (Time, HUNDRED, ONE, 1.05), (Time, THOUSAND, ONE, 1.05),
          (Allocations, THOUSAND, ONE, 0.0)]),
    question("GET /readyz where probes are counted, against where they are not", READYZ,
        COUNTED_PROBES, &[(Allocations, COUNTING, OURS, 0.0), (Instructions, COUNTING, OURS, 20.0)]),
    question("A request that passes through, where probes are counted", PASS, COUNTED_PROBES,
        &[(Allocations, COUNTING, OURS, 0.0), (Instructions, COUNTING, OURS, 1.0)]),
    question("GET /livez while the inner service is saturated", LIVEZ, SATURATED,
        &[(Time, STUCK, IDLE, 1.5)]),
    question("A request of a client that a passive indicator counts", PASS, COUNTED,
        &[(Allocations, PASSIVE, BARE, 0.0), (Instructions, PASSIVE, BARE, 1100.0)]),
];
