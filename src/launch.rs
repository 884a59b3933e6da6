//! From settings to a running health: resolve, validate, wire, start.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, watch};

use crate::builder::HealthBuilder;
use crate::check::{Check, duration_problem};
use crate::clock;
use crate::config::HealthConfig;
use crate::error::{BuildError, Named, OptionFault, Problem};
use crate::format::Format;
use crate::grpc::{Services, validate_service};
use crate::health::Health;
use crate::lifecycle::Lifecycle;
use crate::model::{CheckState, Identity, Redactor, Snapshot, Status, name};
use crate::panic::quietly;
use crate::probe::Probe;
use crate::published::Published;
use crate::refresh::{Jitter, Listener, Refresher, Slot, SlotKey, Verdicts};
use crate::registry::Registry;

/// How many transitions a subscriber may be behind before it loses the oldest.
const TRANSITIONS_KEPT: usize = 1024;

/// Builds a health, or names everything that is in the way.
pub(crate) fn launch(
    builder: HealthBuilder,
    runtime: Option<&Handle>,
) -> Result<Health, BuildError> {
    let mut problems = Vec::new();
    let prepared = prepare(builder, &mut problems);
    let runtime = match runtime {
        Some(runtime) if has_timer(runtime) => Ok(runtime),
        Some(_) => Err("the timer of the tokio runtime is off: call `enable_time` on its builder"),
        None => Err("there is no tokio runtime here: call `start` within one, or `start_on`"),
    };
    match runtime {
        Ok(runtime) => {
            BuildError::check(problems)?;
            Ok(prepared.start(runtime))
        }
        Err(fault) => {
            problems.push(Problem::Runtime(fault));
            Err(BuildError::new(problems))
        }
    }
}

/// Resolves and validates everything that does not need a runtime.
fn prepare(builder: HealthBuilder, problems: &mut Vec<Problem>) -> Prepared {
    validate_config(&builder.config, problems);
    validate_names(&builder.checks, &builder.gates, problems);
    validate_entries(&builder, problems);
    let groups = groups(builder.groups, &builder.checks, problems);
    let mut slots = BTreeMap::new();
    for (probe, check) in builder.checks {
        if let Some((spec, indicator)) = check.resolve(probe, &builder.config, problems) {
            slots.insert(
                SlotKey(slots.len() as u64),
                Slot::new(probe, spec, indicator),
            );
        }
    }
    let format = match builder.format.transpose() {
        Ok(format) => format.unwrap_or_default(),
        Err(problem) => {
            problems.push(problem);
            Format::default()
        }
    };
    Prepared {
        config: builder.config,
        slots,
        gates: builder.gates,
        groups,
        listeners: builder.listeners,
        redactor: builder.redactor,
        format,
    }
}

/// A health that needs only a runtime.
struct Prepared {
    config: HealthConfig,
    slots: BTreeMap<SlotKey, Slot>,
    gates: Vec<String>,
    groups: BTreeMap<String, Vec<String>>,
    listeners: Vec<Listener>,
    redactor: Redactor,
    format: Format,
}

impl Prepared {
    fn start(self, runtime: &Handle) -> Health {
        let _context = runtime.enter();
        let now = clock::now();
        let states = |wanted| -> Vec<Arc<CheckState>> {
            let slots = self.slots.values().filter(|slot| slot.probe == wanted);
            slots.map(|slot| Arc::clone(&slot.state)).collect()
        };
        let (readiness, startup) = (states(Probe::Readiness), states(Probe::Startup));
        let (changed, changes) = mpsc::channel(1);
        let lifecycle = Lifecycle::new(
            self.gates,
            startup.len(),
            now,
            self.config.drain_delay,
            self.redactor.clone(),
            changed,
        );
        let identity = Arc::new(identity(&self.config, self.groups));
        let at = (now, SystemTime::now());
        let snapshot = Snapshot::new(readiness, startup, lifecycle.view(now), identity, at);
        let published = Arc::new(Published::new(
            Arc::new(lifecycle),
            snapshot,
            self.format,
            now,
            Services::new(&self.config),
        ));
        let (verdicts, latest) = watch::channel(Verdicts::of(&published, &published.current()));
        let (publications, published_anew) = watch::channel(());
        let (commands, orders) = mpsc::unbounded_channel();
        let (transitions, _) = broadcast::channel(TRANSITIONS_KEPT);
        let registry = Registry::of(&self.slots);
        Refresher {
            published: Arc::clone(&published),
            slots: self.slots,
            commands: orders,
            changed: changes,
            jitter: Jitter::new(self.config.jitter, self.config.jitter_seed, now),
            redactor: self.redactor,
            verdicts,
            publications,
            transitions: transitions.clone(),
            listeners: self.listeners,
        }
        .spawn_on(runtime);
        Health::new(
            published,
            self.config,
            Mutex::new(registry),
            commands,
            latest,
            published_anew,
            transitions,
        )
    }
}

/// A health whose one check never runs.
pub(crate) fn fixed(status: Status) -> Health {
    let now = clock::now();
    let config = HealthConfig::default();
    let (changed, _) = mpsc::channel(1);
    let lifecycle = Lifecycle::new(
        Vec::new(),
        0,
        now,
        config.drain_delay,
        Redactor::default(),
        changed,
    );
    let at = (now, SystemTime::now());
    let identity = Arc::new(identity(&config, BTreeMap::new()));
    let check = vec![Arc::new(CheckState::fixed(status))];
    let snapshot = Snapshot::new(check, Vec::new(), lifecycle.view(now), identity, at);
    let (commands, _) = mpsc::unbounded_channel();
    let (transitions, _) = broadcast::channel(1);
    let published = Published::new(
        Arc::new(lifecycle),
        snapshot,
        Format::default(),
        now,
        Services::new(&config),
    );
    let (_, verdicts) = watch::channel(Verdicts::of(&published, &published.current()));
    let (_, publications) = watch::channel(());
    Health::new(
        Arc::new(published),
        config,
        Mutex::default(),
        commands,
        verdicts,
        publications,
        transitions,
    )
}

fn identity(config: &HealthConfig, groups: BTreeMap<String, Vec<String>>) -> Identity {
    Identity {
        version: config.version.clone(),
        release_id: config.release_id.clone(),
        service_id: config.service_id.clone(),
        description: config.description.clone(),
        notes: config.notes.clone(),
        links: config.links.clone(),
        groups,
    }
}

fn validate_config(config: &HealthConfig, problems: &mut Vec<Problem>) {
    for (option, duration) in [("ttl", config.ttl), ("timeout", config.timeout)] {
        problems.extend(duration_problem(None, option, duration));
    }
    // Either may be zero: a service that nobody balances has nothing to wait for.
    for (option, duration) in [
        ("drain_delay", config.drain_delay),
        ("drain_cap", config.drain_cap),
    ] {
        if !duration.is_zero() {
            problems.extend(duration_problem(None, option, duration));
        }
    }
    if !(0.0..=0.5).contains(&config.jitter) {
        let fault = OptionFault::Text("must be from 0 to 0.5");
        problems.push(Problem::option(None, "jitter", fault));
    }
}

/// No name is registered twice in a probe; gates stand among the startup checks of a report.
fn validate_names(checks: &[(Probe, Check)], gates: &[String], problems: &mut Vec<Problem>) {
    let mut taken = HashSet::new();
    for gate in gates {
        if let Err(fault) = name::validate(gate) {
            problems.push(Problem::Name {
                of: Named::Gate,
                name: gate.clone(),
                fault,
            });
        }
        if !taken.insert((Probe::Startup, &**gate)) {
            problems.push(Problem::DuplicateName {
                of: Named::Gate,
                name: gate.clone(),
            });
        }
    }
    for (probe, check) in checks {
        let Some(name) = check.name() else { continue };
        if !taken.insert((*probe, name)) {
            let of = Named::Check(*probe);
            problems.push(Problem::DuplicateName {
                of,
                name: name.to_owned(),
            });
        }
    }
}

/// No settings are for a check that is neither registered nor to be added later.
fn validate_entries(builder: &HealthBuilder, problems: &mut Vec<Problem>) {
    let registered = builder.checks.iter().filter_map(|(_, check)| check.name());
    let later = builder.later.iter().map(|name| &**name);
    let known: HashSet<_> = registered.chain(later).collect();
    let entries = builder.config.checks.keys();
    for name in entries.filter(|name| !known.contains(&***name)) {
        let of = "registered check for the settings of";
        problems.push(Problem::Unknown {
            of,
            name: name.clone(),
        });
    }
}

/// Groups by their names; each consists of readiness checks.
fn groups(
    given: Vec<(String, Vec<String>)>,
    checks: &[(Probe, Check)],
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Vec<String>> {
    let readiness = checks
        .iter()
        .filter(|(probe, _)| *probe == Probe::Readiness);
    let known: HashSet<_> = readiness.filter_map(|(_, check)| check.name()).collect();
    let mut groups = BTreeMap::new();
    for (name, members) in given {
        for member in members.iter().filter(|member| !known.contains(&***member)) {
            problems.push(Problem::Unknown {
                of: "readiness check for a gRPC service",
                name: member.clone(),
            });
        }
        if groups.insert(name.clone(), members).is_some() {
            let of = Named::Service;
            problems.push(Problem::DuplicateName { of, name });
        }
    }
    problems.extend(
        groups
            .keys()
            .filter_map(|name| validate_service(name).err()),
    );
    groups
}

/// Tokio has no other way to ask than to make a timer, which panics without one.
fn has_timer(runtime: &Handle) -> bool {
    let _context = runtime.enter();
    quietly(|| drop(tokio::time::sleep(Duration::ZERO))).is_some()
}
