//! Every stack with and without a layer: requests that pass through, and probes.

use std::time::Duration;

use crate::ask::Ask;
use crate::catalogue::{
    ATOMIC, AXUM_HEALTH, BARE, BY_HAND, CHECKS, FRESH, GRPC, HUNDRED, HYPER, IDENTITY, IDLE,
    INSIDE, MAPPED, ONE, OURS, OUTSIDE, REPORT, ROUTES, SATURATED, SERVICE, SNAPSHOT, STUCK, Side,
    Spec, TEN, THOUSAND, TONIC, TONIC_HEALTH, stack,
};
use crate::counting::Cost;
use crate::instructions::{self, Unavailable};
use crate::subject::Subject;
use crate::table::{Bar, Of, Plot, Row, Section};
use crate::timing::{Samples, interleave};

/// What is asked of a stack, and what of it has a target.
struct Question {
    stack: &'static str,
    ask: Ask,
    title: &'static str,
    targets: &'static [Target],
}

/// At most so much more, or so many times as much, as another.
struct Target {
    measure: Measure,
    ours: &'static str,
    other: &'static str,
    at_most: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    Allocations,
    Bytes,
    Instructions,
    Time,
}

use Measure::{Allocations, Bytes, Instructions, Time};

const fn target(measure: Measure, ours: &'static str, other: &'static str, at_most: f64) -> Target {
    Target {
        measure,
        ours,
        other,
        at_most,
    }
}

const QUESTIONS: &[Question] = &[
    Question {
        stack: SERVICE,
        ask: Ask::Pass,
        title: "A request that passes through, over a service that does nothing",
        targets: &[
            target(Allocations, OURS, BARE, 0.0),
            target(Instructions, OURS, BARE, 100.0),
        ],
    },
    Question {
        stack: SERVICE,
        ask: Ask::LikePass,
        title: "The same with a path as long as a probe's",
        targets: &[
            target(Allocations, OURS, BARE, 0.0),
            target(Instructions, OURS, BARE, 100.0),
        ],
    },
    Question {
        stack: OUTSIDE,
        ask: Ask::Pass,
        title: "A request that passes through, layer outside an axum Router",
        targets: &[
            target(Allocations, OURS, BARE, 0.0),
            target(Allocations, MAPPED, BARE, 0.0),
            target(Instructions, MAPPED, BARE, 100.0),
            target(Time, OURS, BARE, 1.03),
            target(Time, MAPPED, BARE, 1.03),
        ],
    },
    Question {
        stack: OUTSIDE,
        ask: Ask::LongPass,
        title: "The same with a longer path",
        targets: &[
            target(Allocations, MAPPED, BARE, 0.0),
            target(Time, MAPPED, BARE, 1.03),
        ],
    },
    Question {
        stack: INSIDE,
        ask: Ask::Pass,
        title: "A request that passes through, inside Router::layer",
        targets: &[
            target(Allocations, OURS, IDENTITY, 2.0),
            target(Allocations, MAPPED, IDENTITY, 0.0),
        ],
    },
    Question {
        stack: TONIC,
        ask: Ask::Unary,
        title: "A unary call that passes through, over tonic's Routes",
        targets: &[
            target(Allocations, OURS, BARE, 0.0),
            target(Allocations, MAPPED, BARE, 0.0),
        ],
    },
    Question {
        stack: HYPER,
        ask: Ask::Pass,
        title: "A request that passes through, as hyper's connection calls it",
        targets: &[target(Allocations, OURS, BARE, 0.0)],
    },
    Question {
        stack: SERVICE,
        ask: Ask::Livez,
        title: "GET /livez over a service that does nothing; the bare call answers something else",
        targets: &[
            target(Allocations, OURS, BARE, 2.0),
            target(Instructions, OURS, BARE, 1100.0),
        ],
    },
    Question {
        stack: SERVICE,
        ask: Ask::Readyz,
        title: "GET /readyz over a service that does nothing",
        targets: &[
            target(Allocations, OURS, BARE, 2.0),
            target(Instructions, OURS, BARE, 1100.0),
        ],
    },
    Question {
        stack: ROUTES,
        ask: Ask::Livez,
        title: "GET /livez, layer outside an axum Router, against routes",
        targets: &[target(Time, MAPPED, ATOMIC, 0.35)],
    },
    Question {
        stack: ROUTES,
        ask: Ask::Readyz,
        title: "GET /readyz, layer outside an axum Router, against routes",
        targets: &[target(Time, MAPPED, ATOMIC, 0.35)],
    },
    Question {
        stack: OUTSIDE,
        ask: Ask::Readyz,
        title: "GET /readyz, layers outside an axum Router",
        targets: &[],
    },
    Question {
        stack: INSIDE,
        ask: Ask::Readyz,
        title: "GET /readyz, layers inside Router::layer",
        targets: &[
            target(Allocations, OURS, BY_HAND, 0.0),
            target(Allocations, MAPPED, BY_HAND, 0.0),
        ],
    },
    Question {
        stack: GRPC,
        ask: Ask::GrpcCheck,
        title: "grpc.health.v1 Check",
        targets: &[
            target(Time, OURS, TONIC_HEALTH, 0.25),
            target(Bytes, OURS, TONIC_HEALTH, 0.1),
        ],
    },
    Question {
        stack: CHECKS,
        ask: Ask::Readyz,
        title: "GET /readyz by the number of checks",
        targets: &[
            target(Time, TEN, ONE, 1.05),
            target(Time, HUNDRED, ONE, 1.05),
            target(Time, THOUSAND, ONE, 1.05),
            target(Allocations, THOUSAND, ONE, 0.0),
        ],
    },
    Question {
        stack: SATURATED,
        ask: Ask::Livez,
        title: "GET /livez while the inner service is saturated",
        targets: &[target(Time, STUCK, IDLE, 1.5)],
    },
    Question {
        stack: REPORT,
        ask: Ask::Readyz,
        title: "Detailed report at /readyz, rendered before; axum-health has one indicator",
        targets: &[],
    },
    Question {
        stack: SNAPSHOT,
        ask: Ask::Pass,
        title: "Health::snapshot() that has to be made",
        targets: &[],
    },
    Question {
        stack: FRESH,
        ask: Ask::Readyz,
        title: "Detailed report at /readyz, snapshot made and rendered for the request",
        targets: &[],
    },
];

/// The questions whose times are plotted: file and title.
const PLOTS: [(&str, Ask, &str, &str); 7] = [
    (
        OUTSIDE,
        Ask::Pass,
        "pass-through",
        "An ordinary request, layer outside an axum Router",
    ),
    (
        INSIDE,
        Ask::Pass,
        "pass-through-inside",
        "An ordinary request, layer inside Router::layer",
    ),
    (
        ROUTES,
        Ask::Readyz,
        "probe",
        "GET /readyz, layer outside an axum Router, or a route",
    ),
    (
        INSIDE,
        Ask::Readyz,
        "probe-inside",
        "GET /readyz, layer inside Router::layer",
    ),
    (
        CHECKS,
        Ask::Readyz,
        "probe-by-checks",
        "GET /readyz by the number of checks",
    ),
    (GRPC, Ask::GrpcCheck, "grpc-check", "grpc.health.v1 Check"),
    (
        FRESH,
        Ask::Readyz,
        "report-by-checks",
        "Detailed report, made and rendered",
    ),
];

/// All of them, each subject timed for so long.
pub fn stacks(each: Duration) -> Vec<Section> {
    QUESTIONS
        .iter()
        .map(|question| question.answer(each))
        .collect()
}

/// What was measured of one subject.
struct Measured {
    name: &'static str,
    side: Side,
    cost: Cost,
    instructions: Result<f64, Unavailable>,
    time: Samples,
}

impl Measured {
    fn bar(&self) -> Bar {
        Bar {
            label: self.name.to_owned(),
            value: self.time.spread().median,
            is_ours: self.side == Side::Ours,
        }
    }
}

impl Question {
    fn answer(&self, each: Duration) -> Section {
        let specs: Vec<Spec> = stack(self.stack)
            .into_iter()
            .filter(|spec| self.can_answer(spec.name))
            .collect();
        let mut subjects: Vec<Subject> = specs.iter().map(|spec| spec.make(self.ask)).collect();
        let costs: Vec<Cost> = subjects.iter_mut().map(Subject::cost).collect();
        let times = interleave(&mut subjects, each);
        let measured: Vec<Measured> = specs
            .iter()
            .zip(costs)
            .zip(times)
            .map(|((spec, cost), time)| Measured {
                name: spec.name,
                side: spec.side,
                cost,
                instructions: self.instructions(*spec),
                time,
            })
            .collect();
        let (ours, others): (Vec<_>, Vec<_>) =
            measured.iter().partition(|one| one.side == Side::Ours);
        let mut section = Section::new(self.title);
        section.plot = self.plot(&measured);
        for measure in self.measures() {
            for one in &ours {
                if others.is_empty() {
                    section.rows.push(alone(*measure, one));
                }
                for other in &others {
                    section.rows.push(self.row(*measure, one, other));
                }
            }
        }
        section
    }

    fn plot(&self, measured: &[Measured]) -> Option<Plot> {
        let plots = PLOTS.iter();
        let of_this = |plot: &&(&str, Ask, _, _)| plot.0 == self.stack && plot.1 == self.ask;
        let (_, _, file, title) = plots.copied().find(|plot| of_this(&plot))?;
        Some(Plot {
            file,
            title,
            unit: "ns",
            bars: measured.iter().map(Measured::bar).collect(),
        })
    }

    fn measures(&self) -> &'static [Measure] {
        match self.stack {
            GRPC => &[Time, Instructions, Allocations, Bytes],
            SATURATED => &[Time],
            // Under valgrind a thousand checks take minutes.
            FRESH => &[Time, Allocations],
            _ => &[Time, Instructions, Allocations],
        }
    }

    fn instructions(&self, spec: Spec) -> Result<f64, Unavailable> {
        if self.measures().contains(&Instructions) {
            instructions::count(spec, self.ask)
        } else {
            Err(Unavailable("not counted".to_owned()))
        }
    }

    /// A control has no probes inside axum: it would answer 404.
    fn can_answer(&self, name: &str) -> bool {
        let is_probe = matches!(self.ask, Ask::Livez | Ask::Readyz);
        let has_none = matches!(self.stack, OUTSIDE | INSIDE) && matches!(name, BARE | IDENTITY);
        // It stands among the routes, which is where people put it.
        let elsewhere = self.stack == INSIDE && name == AXUM_HEALTH;
        !is_probe || !(has_none || elsewhere)
    }

    fn row(&self, measure: Measure, ours: &Measured, other: &Measured) -> Row {
        let target = self.targets.iter().find(|target| {
            target.measure == measure && target.ours == ours.name && target.other == other.name
        });
        let at_most = target.map(|target| target.at_most);
        match measure {
            Time => Row::time(
                format!("{}: time", ours.name),
                ours.time.spread(),
                Of(other.name, other.time.spread()),
                ours.time.against(&other.time),
                at_most,
            ),
            Instructions => match (&ours.instructions, &other.instructions) {
                (Ok(count), Ok(others)) => Row::difference(
                    format!("{}: instructions", ours.name),
                    "",
                    *count,
                    Of(other.name, *others),
                    at_most,
                ),
                (Err(Unavailable(why)), _) | (_, Err(Unavailable(why))) => {
                    Row::note(format!("{}: instructions", ours.name), why)
                }
            },
            Allocations => Row::difference(
                format!("{}: allocations", ours.name),
                "",
                ours.cost.allocations as f64,
                Of(other.name, other.cost.allocations as f64),
                at_most,
            ),
            Bytes => Row::ratio(
                format!("{}: allocated", ours.name),
                "B",
                ours.cost.bytes as f64,
                Of(other.name, other.cost.bytes as f64),
                at_most,
            ),
        }
    }
}

/// What has nothing to be compared with.
fn alone(measure: Measure, one: &Measured) -> Row {
    match measure {
        Time => Row::duration(format!("{}: time", one.name), one.time.spread()),
        Instructions => match &one.instructions {
            Ok(count) => Row::number(format!("{}: instructions", one.name), "", *count, None),
            Err(Unavailable(why)) => Row::note(format!("{}: instructions", one.name), why),
        },
        Allocations | Bytes => {
            let what = format!("{}: allocations", one.name);
            Row::number(what, "", one.cost.allocations as f64, None)
        }
    }
}
