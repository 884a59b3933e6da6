//! Services in every state that there is, for properties that must hold in all of them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use tower_health::{
    Check, CheckResult, ComponentType, Criticality, Failure, Gate, Health, Heartbeat, Observation,
    ObservedValue, Probe, indicator_fn,
};

use crate::support::steady;

/// A service in some state.
#[derive(Clone, Debug)]
pub(crate) struct State {
    identity: [Option<String>; 4],
    notes: Vec<String>,
    checks: Vec<ACheck>,
    gates: Vec<(String, End)>,
    heartbeats: Vec<(String, Fate)>,
    broken: Option<String>,
    refusing: Option<String>,
    draining: bool,
    /// How long it has been going when it is looked at, in milliseconds.
    age: u64,
}

#[derive(Clone, Debug)]
struct ACheck {
    probe: Probe,
    name: String,
    criticality: Criticality,
    component_id: Option<String>,
    component_type: Option<String>,
    affected_endpoints: Vec<String>,
    links: Vec<(String, String)>,
    failure_threshold: u32,
    /// One run after the other; the last one repeats.
    outcomes: Vec<Outcome>,
}

#[derive(Clone, Debug)]
enum Outcome {
    Back(Result<(), Word>, Vec<AReading>),
    Panics(String),
    Hangs,
}

#[derive(Clone, Debug)]
enum Word {
    Warn(String),
    Fail(String),
}

type AReading = (Option<String>, ObservedValue, String);

#[derive(Clone, Debug)]
enum End {
    Untaken,
    Open,
    Completed,
    Failed(String),
    Dropped,
}

#[derive(Clone, Debug)]
enum Fate {
    Beats,
    Misses,
    Dropped,
    Finished,
}

/// Anything at all, with a weight on what breaks writers of JSON.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => any::<String>(),
        10 => proptest::sample::select(vec![
            "", "\"", "\\", "\0", "\u{2028}\u{2029}", "\u{feff}", "\u{7f}\u{85}", "\r\n[+]db ok",
            r#""}],"status":"pass","x":[{"y":""#, "𝕏\u{1F469}\u{200D}\u{1F680}", "</script>",
            "postgres://app:hunter2@db/main?password=hunter2",
        ]).prop_map(str::to_owned),
        1 => (any::<char>(), Just(1 << 20)).prop_map(|(c, length)| {
            std::iter::repeat_n(c, length / c.len_utf8()).collect()
        }),
    ]
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9._~-]{1,12}(:[a-zA-Z0-9._~-]{1,12})?"
}

fn reading() -> impl Strategy<Value = AReading> {
    let value = prop_oneof![
        any::<i64>().prop_map(ObservedValue::from),
        any::<f64>().prop_map(ObservedValue::from),
        any::<bool>().prop_map(ObservedValue::from),
        text().prop_map(ObservedValue::from),
    ];
    (proptest::option::of("[a-zA-Z]{1,12}"), value, text())
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let readings = || proptest::collection::vec(reading(), 0..3);
    prop_oneof![
        4 => readings().prop_map(|readings| Outcome::Back(Ok(()), readings)),
        3 => (text(), readings())
            .prop_map(|(text, readings)| Outcome::Back(Err(Word::Warn(text)), readings)),
        4 => (text(), readings())
            .prop_map(|(text, readings)| Outcome::Back(Err(Word::Fail(text)), readings)),
        1 => text().prop_map(Outcome::Panics),
        1 => Just(Outcome::Hangs),
    ]
}

fn check() -> impl Strategy<Value = ACheck> {
    let probe = proptest::sample::select(vec![Probe::Readiness, Probe::Startup]);
    let criticality =
        proptest::sample::select(vec![Criticality::Critical, Criticality::NonCritical]);
    let labels = (
        proptest::option::of(text()),
        proptest::option::of(text()),
        proptest::collection::vec(text(), 0..2),
        proptest::collection::vec((text(), text()), 0..3),
    );
    let outcomes = proptest::collection::vec(outcome(), 1..4);
    (probe, name(), criticality, labels, 1_u32..4, outcomes).prop_map(
        |(probe, name, criticality, labels, failure_threshold, outcomes)| ACheck {
            probe,
            name,
            criticality,
            component_id: labels.0,
            component_type: labels.1,
            affected_endpoints: labels.2,
            links: labels.3,
            failure_threshold,
            outcomes,
        },
    )
}

pub(crate) fn state() -> impl Strategy<Value = State> {
    let end = prop_oneof![
        1 => Just(End::Untaken),
        1 => Just(End::Open),
        4 => Just(End::Completed),
        1 => text().prop_map(End::Failed),
        1 => Just(End::Dropped),
    ];
    let fate = prop_oneof![
        3 => Just(Fate::Beats),
        1 => Just(Fate::Misses),
        1 => Just(Fate::Dropped),
        1 => Just(Fate::Finished),
    ];
    let identity = [(); 4].map(|()| proptest::option::of(text()));
    (
        identity,
        proptest::collection::vec(text(), 0..2),
        proptest::collection::vec(check(), 0..5),
        proptest::collection::vec((name(), end), 0..3),
        proptest::collection::vec((name(), fate), 0..3),
        proptest::option::weighted(0.2, text()),
        proptest::option::weighted(0.2, text()),
        proptest::bool::weighted(0.2),
        proptest::sample::select(vec![0, 5, 50, 1_500, 20_000]),
    )
        .prop_map(
            |(identity, notes, checks, gates, heartbeats, broken, refusing, draining, age)| State {
                identity,
                notes,
                checks,
                gates,
                heartbeats,
                broken,
                refusing,
                draining,
                age,
            },
        )
        .prop_filter("a name is taken once in its probe", names_differ)
}

fn names_differ(state: &State) -> bool {
    let mut taken = HashSet::new();
    let gates = state.gates.iter().map(|(name, _)| (Probe::Startup, name));
    let beats = state
        .heartbeats
        .iter()
        .map(|(name, _)| (Probe::Liveness, name));
    let checks = state.checks.iter().map(|check| (check.probe, &check.name));
    checks
        .chain(gates)
        .chain(beats)
        .all(|name| taken.insert(name))
}

impl ACheck {
    fn build(self) -> Check {
        let runs = AtomicUsize::new(0);
        let mut check = Check::new(indicator_fn(self.name, move || {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            let outcome = self.outcomes[run.min(self.outcomes.len() - 1)].clone();
            outcome.happen()
        }))
        .criticality(self.criticality)
        .failure_threshold(self.failure_threshold);
        if let Some(id) = self.component_id {
            check = check.component_id(id);
        }
        if let Some(term) = self.component_type {
            check = check.component_type(ComponentType::from(term));
        }
        for endpoint in self.affected_endpoints {
            check = check.affected_endpoint(endpoint);
        }
        for (relation, uri) in self.links {
            check = check.link(relation, uri);
        }
        check
    }
}

impl Outcome {
    async fn happen(self) -> CheckResult {
        let (word, readings) = match self {
            Self::Back(word, readings) => (word, readings),
            Self::Panics(text) => std::panic::resume_unwind(Box::new(text)),
            Self::Hangs => std::future::pending().await,
        };
        macro_rules! with_readings {
            ($result:expr) => {
                readings.into_iter().fold($result, |result, reading| {
                    let (measurement, value, unit) = reading;
                    match measurement {
                        None => result.value(value, unit),
                        Some(measurement) => result.measurement(measurement, value, unit),
                    }
                })
            };
        }
        match word {
            Ok(()) => Ok(with_readings!(Observation::pass())),
            Err(Word::Warn(text)) => Ok(with_readings!(Observation::warn(text))),
            Err(Word::Fail(text)) => Err(with_readings!(Failure::new(text))),
        }
    }
}

impl State {
    /// Builds the service, and what has to stay alive with it.
    pub(crate) async fn build(self) -> (Health, Vec<Heartbeat>, Vec<Gate>) {
        let mut builder = steady().timeout(Duration::from_secs(2));
        let [version, release_id, service_id, description] = self.identity;
        builder = version.into_iter().fold(builder, |b, text| b.version(text));
        builder = release_id
            .into_iter()
            .fold(builder, |b, text| b.release_id(text));
        builder = service_id
            .into_iter()
            .fold(builder, |b, text| b.service_id(text));
        builder = description
            .into_iter()
            .fold(builder, |b, text| b.description(text));
        for note in self.notes {
            builder = builder.link(note.clone(), note.clone()).note(note);
        }
        for (name, _) in &self.gates {
            builder = builder.gate(name);
        }
        for check in self.checks {
            builder = match check.probe {
                Probe::Startup => builder.startup(check.build()),
                _ => builder.readiness(check.build()),
            };
        }
        let health = builder.start().unwrap();
        let mut open = Vec::new();
        for (name, end) in self.gates {
            let take = || health.gate(&name).unwrap();
            match end {
                End::Untaken => {}
                End::Open => open.push(take()),
                End::Completed => take().complete(),
                End::Failed(text) => take().fail(text),
                End::Dropped => drop(take()),
            }
        }
        let mut beating = Vec::new();
        for (name, fate) in self.heartbeats {
            let start = |deadline| health.heartbeat(&name, deadline).unwrap();
            match fate {
                Fate::Beats => beating.push(start(Duration::from_secs(3600))),
                Fate::Misses => beating.push(start(Duration::from_millis(1))),
                Fate::Dropped => drop(start(Duration::from_secs(1))),
                Fate::Finished => start(Duration::from_secs(1)).finish(),
            }
        }
        if let Some(text) = self.broken {
            health.mark_broken(text);
        }
        if let Some(text) = self.refusing {
            health.refuse_traffic(text);
        }
        if self.draining {
            health.drain();
        }
        tokio::time::sleep(Duration::from_millis(self.age)).await;
        (health, beating, open)
    }
}
