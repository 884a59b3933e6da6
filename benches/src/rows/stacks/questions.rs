//! What is asked of which stack, and what of it has a target.

use super::question::Measure::{Allocations, Bytes, Instructions, Time};
use super::question::{Question, target};
use crate::ask::Ask;
use crate::catalogue::{
    ATOMIC, BARE, BY_HAND, CHECKS, FRESH, GRPC, HUNDRED, HYPER, IDENTITY, IDLE, INSIDE, MAPPED,
    ONE, OURS, OUTSIDE, REPORT, ROUTES, SATURATED, SERVICE, SNAPSHOT, STUCK, TEN, THOUSAND, TONIC,
    TONIC_CHECK, TONIC_HEALTH,
};

pub(super) const QUESTIONS: &[Question] = &[
    Question::new(
        SERVICE,
        Ask::Pass,
        "A request that passes through, over a service that does nothing",
    )
    .targets(&[
        target(Allocations, OURS, BARE, 0.0),
        target(Instructions, OURS, BARE, 100.0),
    ]),
    Question::new(
        SERVICE,
        Ask::LikePass,
        "The same with a path as long as a probe's",
    )
    .targets(&[
        target(Allocations, OURS, BARE, 0.0),
        target(Instructions, OURS, BARE, 100.0),
    ]),
    Question::new(
        OUTSIDE,
        Ask::Pass,
        "A request that passes through, layer outside an axum Router",
    )
    .targets(&[
        target(Allocations, OURS, BARE, 0.0),
        target(Allocations, MAPPED, BARE, 0.0),
        target(Instructions, MAPPED, BARE, 100.0),
        target(Time, OURS, BARE, 1.03),
        target(Time, MAPPED, BARE, 1.03),
    ])
    .plot(
        "pass-through",
        "An ordinary request, layer outside an axum Router",
    ),
    Question::new(OUTSIDE, Ask::LongPass, "The same with a longer path").targets(&[
        target(Allocations, MAPPED, BARE, 0.0),
        target(Time, MAPPED, BARE, 1.03),
    ]),
    Question::new(
        INSIDE,
        Ask::Pass,
        "A request that passes through, inside Router::layer",
    )
    .targets(&[
        target(Allocations, OURS, IDENTITY, 2.0),
        target(Allocations, MAPPED, IDENTITY, 0.0),
    ])
    .plot(
        "pass-through-inside",
        "An ordinary request, layer inside Router::layer",
    ),
    Question::new(
        TONIC,
        Ask::Unary,
        "A unary call that passes through, over tonic's Routes",
    )
    .targets(&[
        target(Allocations, OURS, BARE, 0.0),
        target(Allocations, MAPPED, BARE, 0.0),
    ]),
    Question::new(
        HYPER,
        Ask::Pass,
        "A request that passes through, as hyper's connection calls it",
    )
    .targets(&[target(Allocations, OURS, BARE, 0.0)]),
    Question::new(
        SERVICE,
        Ask::Livez,
        "GET /livez over a service that does nothing; the bare call answers something else",
    )
    .targets(&[
        target(Allocations, OURS, BARE, 2.0),
        target(Instructions, OURS, BARE, 1100.0),
    ]),
    Question::new(
        SERVICE,
        Ask::Readyz,
        "GET /readyz over a service that does nothing",
    )
    .targets(&[
        target(Allocations, OURS, BARE, 2.0),
        target(Instructions, OURS, BARE, 1100.0),
    ]),
    Question::new(
        ROUTES,
        Ask::Livez,
        "GET /livez, layer outside an axum Router, against routes",
    )
    .targets(&[target(Time, MAPPED, ATOMIC, 0.35)]),
    Question::new(
        ROUTES,
        Ask::Readyz,
        "GET /readyz, layer outside an axum Router, against routes",
    )
    .targets(&[target(Time, MAPPED, ATOMIC, 0.35)])
    .plot(
        "probe",
        "GET /readyz, layer outside an axum Router, or a route",
    ),
    Question::new(
        OUTSIDE,
        Ask::Readyz,
        "GET /readyz, layers outside an axum Router",
    ),
    Question::new(
        INSIDE,
        Ask::Readyz,
        "GET /readyz, layers inside Router::layer",
    )
    .targets(&[
        target(Allocations, OURS, BY_HAND, 0.0),
        target(Allocations, MAPPED, BY_HAND, 0.0),
    ])
    .plot("probe-inside", "GET /readyz, layer inside Router::layer"),
    Question::new(GRPC, Ask::GrpcCheck, "grpc.health.v1 Check")
        .targets(&[
            target(Time, OURS, TONIC_HEALTH, 0.25),
            target(Bytes, OURS, TONIC_HEALTH, 0.1),
        ])
        .plot("grpc-check", "grpc.health.v1 Check"),
    Question::new(
        TONIC_CHECK,
        Ask::GrpcCheck,
        "The same, around tonic's Routes or among them",
    ),
    Question::new(
        HYPER,
        Ask::Livez,
        "GET /livez as hyper's connection calls it; the bare call answers something else",
    ),
    Question::new(CHECKS, Ask::Readyz, "GET /readyz by the number of checks")
        .targets(&[
            target(Time, TEN, ONE, 1.05),
            target(Time, HUNDRED, ONE, 1.05),
            target(Time, THOUSAND, ONE, 1.05),
            target(Allocations, THOUSAND, ONE, 0.0),
        ])
        .plot("probe-by-checks", "GET /readyz by the number of checks"),
    Question::new(
        SATURATED,
        Ask::Livez,
        "GET /livez while the inner service is saturated",
    )
    .targets(&[target(Time, STUCK, IDLE, 1.5)]),
    Question::new(
        REPORT,
        Ask::Readyz,
        "Detailed report at /readyz, rendered before; axum-health has one indicator",
    ),
    Question::new(
        SNAPSHOT,
        Ask::Pass,
        "Health::snapshot() that has to be made",
    ),
    Question::new(
        FRESH,
        Ask::Readyz,
        "Detailed report at /readyz, snapshot made and rendered for the request",
    )
    .plot("report-by-checks", "Detailed report, made and rendered"),
];
