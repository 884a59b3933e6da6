//! Scenarios against each other: in turns, several times, medians told.

use std::time::Duration;

use super::generator::{Load, Seen};
use super::scenario::Scenario;
use super::server::Server;
use crate::effort::Effort;
use crate::table::{Bar, Of, Plot, Row, Section};
use crate::timing::Spread;

/// Scenarios under the same load. The first is what the others are compared with.
struct Comparison {
    /// File and title.
    plot: (&'static str, &'static str),
    title: &'static str,
    load: Load,
    scenarios: &'static [Scenario],
    /// How many times as much the p99 may be.
    p99_at_most: Option<f64>,
}

/// Ordinary requests: what a layer costs a server.
pub(super) fn ordinary(effort: &Effort) -> Section {
    let comparison = Comparison {
        plot: ("load-requests", "Ordinary requests over loopback"),
        title: "Ordinary requests over HTTP/1, 16 connections: what is compared is the median of \
                the ratios of each round",
        load: Load::Get {
            path: "/users/123",
            connections: 16,
        },
        scenarios: &[
            Scenario::Bare,
            Scenario::Outside,
            Scenario::Inside,
            Scenario::ByHand,
        ],
        p99_at_most: None,
    };
    comparison.run(effort)
}

/// Probes: how many a server can answer.
pub(super) fn probes(effort: &Effort) -> Section {
    let comparison = Comparison {
        plot: ("load-probes", "GET /livez over loopback"),
        title: "GET /livez over HTTP/1, 16 connections",
        load: Load::Get {
            path: "/livez",
            connections: 16,
        },
        scenarios: &[
            Scenario::Route,
            Scenario::Outside,
            Scenario::Inside,
            Scenario::ByHand,
        ],
        p99_at_most: None,
    };
    comparison.run(effort)
}

/// The same of gRPC: what is served stands in the same server, on either side.
pub(super) fn grpc_checks(effort: &Effort) -> Section {
    let comparison = Comparison {
        plot: ("load-grpc-checks", "grpc.health.v1 Check over loopback"),
        title: "grpc.health.v1 Check over HTTP/2, 4 connections with 10 calls each",
        load: Load::Check {
            connections: 4,
            streams: 10,
        },
        scenarios: &[Scenario::TonicHealth, Scenario::Outside],
        p99_at_most: None,
    };
    comparison.run(effort)
}

/// Probes while something is wrong.
pub(super) fn probes_while(effort: &Effort) -> Section {
    let comparison = Comparison {
        plot: (
            "load-probes-while",
            "GET /livez over loopback while something is wrong",
        ),
        title: "GET /livez while something is wrong, over HTTP/1, one connection",
        load: Load::Get {
            path: "/livez",
            connections: 1,
        },
        scenarios: &[
            Scenario::Outside,
            Scenario::Saturated,
            Scenario::Hung,
            Scenario::Blocked,
        ],
        p99_at_most: Some(1.5),
    };
    comparison.run(effort)
}

impl Comparison {
    fn run(&self, effort: &Effort) -> Section {
        let seen = self.seen(effort);
        let mut section = Section::new(self.title);
        for (scenario, seen_of_it) in self.scenarios.iter().zip(&seen).skip(1) {
            section
                .rows
                .extend(self.rows(*scenario, seen_of_it, &seen[0]));
        }
        let mut bars = Vec::new();
        for (scenario, seen) in self.scenarios.iter().zip(&seen) {
            let errors: f64 = seen.iter().map(|seen| seen.errors).sum();
            if errors > 0.0 {
                let what = format!("{}: failed requests", scenario.name());
                section.rows.push(Row::number(what, "", errors, Some(0.0)));
            }
            bars.push(Bar {
                label: scenario.name().to_owned(),
                value: Spread::of(seen.iter().map(|seen| seen.latency[1]).collect()).median,
                is_ours: scenario.is_ours(),
            });
        }
        section.plot = Some(Plot {
            file: self.plot.0,
            title: self.plot.1,
            unit: "p99, µs",
            bars,
        });
        section
    }

    /// Of each scenario, what was seen in each round. They take turns.
    fn seen(&self, effort: &Effort) -> Vec<Vec<Seen>> {
        let servers = self.scenarios.iter().map(|one| Server::start(*one));
        let servers: Vec<Server> = servers.collect();
        for server in &servers {
            self.load.run(server.port, Duration::from_secs(1));
        }
        let mut seen = vec![Vec::new(); servers.len()];
        for round in 0..effort.rounds {
            for turn in 0..servers.len() {
                let index = (round + turn) % servers.len();
                seen[index].push(self.load.run(servers[index].port, effort.turn));
            }
        }
        seen
    }

    fn rows(&self, scenario: Scenario, seen: &[Seen], control: &[Seen]) -> Vec<Row> {
        let row = |what: &str, unit: &str, value: &dyn Fn(&Seen) -> f64, at_most| {
            let [ours, control] =
                [seen, control].map(|seen| seen.iter().map(value).collect::<Vec<_>>());
            let ratios = ours.iter().zip(&control).map(|(one, other)| one / other);
            let ratio = Spread::of(ratios.collect());
            Row::measured(
                format!("{}: {what}", scenario.name()),
                unit,
                Spread::of(ours),
                Of(self.scenarios[0].name(), Spread::of(control)),
                ratio,
                at_most,
            )
        };
        let latency = |place: usize| move |seen: &Seen| seen.latency[place];
        vec![
            row("requests/s", "", &|seen| seen.per_second, None),
            row("p50", "µs", &latency(0), None),
            row("p99", "µs", &latency(1), self.p99_at_most),
            row("p99.9", "µs", &latency(2), None),
        ]
    }
}
