//! Scenarios against each other: in turns, several times, medians told.

use std::time::Duration;

use super::generator::{Seen, h2load, wrk};
use super::scenario::Scenario;
use super::server::Server;
use crate::effort::Effort;
use crate::table::{Bar, Of, Plot, Row, Section};
use crate::timing::Spread;

const PERCENTILES: [&str; 3] = ["p50", "p99", "p99.9"];

/// Ordinary requests: what a layer costs a server.
pub fn ordinary(effort: &Effort) -> Section {
    let mut section = compare(
        effort,
        ("load-requests", "Ordinary requests over loopback"),
        "Ordinary requests over HTTP/1, 16 connections",
        "/users/123",
        16,
        &[
            Scenario::Bare,
            Scenario::Outside,
            Scenario::Inside,
            Scenario::ByHand,
        ],
        |_| None,
    );
    section.title += ": what is compared is the median of the ratios of each round";
    section
}

/// Probes: how many a server can answer.
pub fn probes(effort: &Effort) -> Section {
    compare(
        effort,
        ("load-probes", "GET /livez over loopback"),
        "GET /livez over HTTP/1, 16 connections",
        "/livez",
        16,
        &[
            Scenario::Route,
            Scenario::Outside,
            Scenario::Inside,
            Scenario::ByHand,
        ],
        |_| None,
    )
}

/// Probes while something is wrong.
pub fn probes_while(effort: &Effort) -> Section {
    compare(
        effort,
        (
            "load-probes-while",
            "GET /livez over loopback while something is wrong",
        ),
        "GET /livez while something is wrong, over HTTP/1, one connection",
        "/livez",
        1,
        &[
            Scenario::Outside,
            Scenario::Saturated,
            Scenario::Hung,
            Scenario::Blocked,
        ],
        |percentile| (percentile == "p99").then_some(1.5),
    )
}

/// The first is what the others are compared with.
fn compare(
    effort: &Effort,
    plot: (&'static str, &'static str),
    title: &str,
    path: &str,
    connections: u32,
    scenarios: &[Scenario],
    at_most: impl Fn(&str) -> Option<f64>,
) -> Section {
    let servers: Vec<Server> = scenarios.iter().map(|one| Server::start(*one)).collect();
    let mut seen = vec![Vec::new(); servers.len()];
    for server in &servers {
        wrk(server.port, path, connections, Duration::from_secs(1));
    }
    for round in 0..effort.rounds {
        for turn in 0..servers.len() {
            let index = (round + turn) % servers.len();
            seen[index].push(wrk(servers[index].port, path, connections, effort.turn));
        }
    }
    let mut section = Section::new(title);
    let all = |index: usize, value: &dyn Fn(&Seen) -> f64| -> Vec<f64> {
        seen[index].iter().map(value).collect()
    };
    let row = |index: usize, what: &str, unit: &str, value: &dyn Fn(&Seen) -> f64, most| {
        let (ours, control) = (all(index, value), all(0, value));
        let ratios = ours.iter().zip(&control).map(|(one, other)| one / other);
        let ratio = Spread::of(ratios.collect());
        Row::measured(
            format!("{}: {what}", scenarios[index].name()),
            unit,
            Spread::of(ours),
            Of(scenarios[0].name(), Spread::of(control)),
            ratio,
            most,
        )
    };
    for index in 1..scenarios.len() {
        section
            .rows
            .push(row(index, "requests/s", "", &|seen| seen.per_second, None));
        for (place, name) in PERCENTILES.into_iter().enumerate() {
            let value = move |seen: &Seen| seen.latency[place];
            section
                .rows
                .push(row(index, name, "µs", &value, at_most(name)));
        }
    }
    let mut bars = Vec::new();
    for (index, scenario) in scenarios.iter().enumerate() {
        let errors: f64 = all(index, &|seen| seen.errors).iter().sum();
        if errors > 0.0 {
            let what = format!("{}: failed requests", scenario.name());
            section.rows.push(Row::number(what, "", errors, Some(0.0)));
        }
        bars.push(Bar {
            label: scenario.name().to_owned(),
            value: Spread::of(all(index, &|seen| seen.latency[1])).median,
            is_ours: !matches!(
                scenario,
                Scenario::Bare | Scenario::ByHand | Scenario::Route
            ),
        });
    }
    section.plot = Some(Plot {
        file: plot.0,
        title: plot.1,
        unit: "p99, µs",
        bars,
    });
    section
}

/// Ten thousand probes at once while the check hangs: it must not run once more for them.
pub fn storm() -> Section {
    let mut section = Section::new("10,000 probes at once over HTTP/2 while the check hangs");
    let mut server = Server::start(Scenario::Hung);
    let before = server.state().runs;
    let answered = h2load(server.port, "/readyz", 10_000, 100, 100);
    let runs = server.state().runs - before;
    section.rows.push(Row::number(
        "runs of the check beyond the schedule",
        "",
        runs as f64,
        Some(0.0),
    ));
    section.rows.push(Row::number(
        "probes not answered",
        "",
        10_000.0 - answered as f64,
        Some(0.0),
    ));
    section
}
