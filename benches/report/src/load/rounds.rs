//! Servers under the same load: they take turns, and each round yields one ratio.

use std::time::Duration;

use super::generator::{Load, Seen};
use super::scenario::Scenario;
use super::server::Server;
use crate::Effort;
use crate::table::{Row, Section, with_unit};
use crate::timing::Samples;

struct Comparison {
    title: &'static str,
    load: Load,
    /// The first is what the others are compared with.
    scenarios: &'static [Scenario],
    /// How many times as much the p99 may be.
    p99_at_most: Option<f64>,
}

const COMPARISONS: [Comparison; 4] = [
    Comparison {
        title: "Ordinary requests over HTTP/1, 16 connections",
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
    },
    Comparison {
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
    },
    Comparison {
        title: "grpc.health.v1 Check over HTTP/2, 4 connections with 10 calls each",
        load: Load::Check {
            connections: 4,
            streams: 10,
        },
        scenarios: &[Scenario::TonicHealth, Scenario::Outside],
        p99_at_most: None,
    },
    Comparison {
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
    },
];

pub(super) fn rounds(effort: Effort) -> Vec<Section> {
    let sections = COMPARISONS.iter().map(|comparison| comparison.run(effort));
    sections.collect()
}

impl Comparison {
    fn run(&self, effort: Effort) -> Section {
        let seen = self.seen(effort);
        let all = || self.scenarios.iter().zip(&seen);
        let mut rows = Vec::new();
        for (scenario, seen_of_it) in all().skip(1) {
            rows.extend(self.rows(*scenario, seen_of_it, &seen[0]));
        }
        for (scenario, seen) in all() {
            let errors: f64 = seen.iter().map(|seen| seen.errors).sum();
            if errors > 0.0 {
                let what = format!("{}: failed requests", scenario.name());
                rows.push(Row::number(&what, "", errors, Some(0.0)));
            }
        }
        (self.title, rows)
    }

    /// Returns what was seen of each scenario in each round.
    fn seen(&self, effort: Effort) -> Vec<Vec<Seen>> {
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

    fn rows(&self, scenario: Scenario, ours: &[Seen], control: &[Seen]) -> [Row; 4] {
        let row = |what: &str, unit: &str, value: &dyn Fn(&Seen) -> f64, at_most| {
            let [ours, control] =
                [ours, control].map(|seen| Samples(seen.iter().map(value).collect()));
            let what = format!("{}: {what}", scenario.name());
            let format = |value| with_unit(value, unit);
            let control = (self.scenarios[0].name(), &control);
            Row::series(what, format, &ours, control, at_most)
        };
        let latency = |place: usize| move |seen: &Seen| seen.latency[place];
        [
            row("requests/s", "", &|seen| seen.per_second, None),
            row("p50", "µs", &latency(0), None),
            row("p99", "µs", &latency(1), self.p99_at_most),
            row("p99.9", "µs", &latency(2), None),
        ]
    }
}
