//! From a builder to a running health: validate, resolve, connect the parts, start the refresher.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc};

use super::names::NameTable;
use super::validate::{groups, validate};
use super::{Health, HealthBuilder, Inner};
use crate::model::{
    BuildError, CheckState, HealthConfig, Identity, Probe, Problem, Redactor, Snapshot, Status,
    catch_panic,
};
use crate::refresh::{Jitter, Listener, Refresher, Slot, SlotKey};
use crate::state::{Format, LifecycleState, Publisher, SharedState, clock};

/// How many transitions a subscriber can be behind before it loses the oldest.
const TRANSITION_CAPACITY: usize = 1024;

impl HealthBuilder {
    /// Starts the refresher on the current tokio runtime, whose timer must be enabled.
    ///
    /// Every probe is answered from the moment this returns; the checks run at once.
    ///
    /// # Errors
    ///
    /// Names every check, gate and option that cannot work, and reports a missing runtime.
    pub fn start(self) -> Result<Health, BuildError> {
        start(self, Handle::try_current().ok().as_ref())
    }

    /// Starts the refresher on this tokio runtime, whose timer must be enabled.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_on(self, runtime: &Handle) -> Result<Health, BuildError> {
        start(self, Some(runtime))
    }
}

/// Starts a health, or reports everything that prevents it.
fn start(builder: HealthBuilder, runtime: Option<&Handle>) -> Result<Health, BuildError> {
    let mut problems = Vec::new();
    let plan = Plan::new(builder.settle(), &mut problems);
    let runtime = match runtime {
        Some(runtime) if has_timer(runtime) => Ok(runtime),
        Some(_) => Err("the timer of the tokio runtime is off: call `enable_time` on its builder"),
        None => Err("there is no tokio runtime here: call `start` within one, or `start_on`"),
    };
    match runtime {
        Ok(runtime) => {
            BuildError::check(problems)?;
            let _context = runtime.enter();
            let checks = plan.unchecked();
            let (health, refresher) = plan.connect(checks);
            refresher.spawn_on(runtime);
            Ok(health)
        }
        Err(fault) => {
            problems.push(Problem::Runtime(fault));
            Err(BuildError::new(problems))
        }
    }
}

impl Health {
    /// Makes a health whose readiness never changes by itself, for tests of code that depends on
    /// it.
    ///
    /// Liveness and startup pass. It needs no runtime. Everything that needs no refresher works,
    /// such as [`drain`](Self::drain).
    ///
    /// ```
    /// use tower_health::{Health, Probe, Status};
    ///
    /// let health = Health::fixed(Status::Fail);
    /// assert_eq!(health.status(Probe::Readiness), Status::Fail);
    /// ```
    pub fn fixed(status: Status) -> Self {
        Self::fixed_with_publisher(status).0
    }

    /// Without a refresher, the publisher is all that is left of it.
    pub(crate) fn fixed_with_publisher(status: Status) -> (Self, Publisher) {
        let plan = Plan::default();
        let checks = Checks {
            readiness: vec![Arc::new(CheckState::fixed(status))],
            startup: Vec::new(),
        };
        let (health, refresher) = plan.connect(checks);
        (health, refresher.publisher)
    }
}

/// A health that needs only a runtime.
#[derive(Default)]
struct Plan {
    config: HealthConfig,
    slots: BTreeMap<SlotKey, Slot>,
    gates: Vec<String>,
    groups: BTreeMap<String, Vec<String>>,
    listeners: Vec<Listener>,
    redactor: Redactor,
    format: Format,
}

/// The checks of the first snapshot.
struct Checks {
    readiness: Vec<Arc<CheckState>>,
    startup: Vec<Arc<CheckState>>,
}

impl Plan {
    /// Resolves and validates everything that does not need a runtime.
    fn new(builder: HealthBuilder, problems: &mut Vec<Problem>) -> Self {
        validate(&builder, problems);
        let groups = groups(builder.groups, &builder.checks, problems);
        let mut slots = BTreeMap::new();
        for (probe, check) in builder.checks {
            if let Some((spec, indicator)) = check.resolve(probe, &builder.config, problems) {
                let key = SlotKey(slots.len() as u64);
                slots.insert(key, Slot::new(probe, spec, indicator));
            }
        }
        let format = match builder.format.transpose() {
            Ok(format) => format.unwrap_or_default(),
            Err(problem) => {
                problems.push(problem);
                Format::default()
            }
        };
        Self {
            config: builder.config,
            slots,
            gates: builder.gates,
            groups,
            listeners: builder.listeners,
            redactor: builder.redactor,
            format,
        }
    }

    /// The checks as they are before their first run.
    fn unchecked(&self) -> Checks {
        let states = |wanted| -> Vec<Arc<CheckState>> {
            let slots = self.slots.values().filter(|slot| slot.probe == wanted);
            slots.map(|slot| Arc::clone(&slot.state)).collect()
        };
        Checks {
            readiness: states(Probe::Readiness),
            startup: states(Probe::Startup),
        }
    }

    /// Connects the handle and the refresher, which is not running yet.
    fn connect(self, checks: Checks) -> (Health, Refresher) {
        let now = clock::now();
        let (wake_refresher, lifecycle_changed) = mpsc::channel(1);
        let lifecycle = LifecycleState::new(
            self.gates,
            checks.startup.len(),
            now,
            self.config.drain_delay,
            self.redactor.clone(),
            wake_refresher,
        );
        let identity = Arc::new(identity(&self.config, self.groups));
        let snapshot = Snapshot::new(
            checks.readiness,
            checks.startup,
            lifecycle.view(now),
            identity,
            (now, SystemTime::now()),
        );
        let (state, publisher) =
            SharedState::new(lifecycle, snapshot, self.format, now, &self.config);
        let (commands, received_commands) = mpsc::unbounded_channel();
        let (transitions, _) = broadcast::channel(TRANSITION_CAPACITY);
        let names = Mutex::new(NameTable::of(&self.slots));
        let refresher = Refresher {
            publisher,
            slots: self.slots,
            commands: received_commands,
            lifecycle_changed,
            jitter: Jitter::new(self.config.jitter, self.config.jitter_seed, now),
            redactor: self.redactor,
            transitions: transitions.clone(),
            listeners: self.listeners,
        };
        let inner = Inner {
            state,
            config: self.config,
            names,
            commands,
            transitions,
        };
        let health = Health {
            inner: Arc::new(inner),
        };
        (health, refresher)
    }
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

/// Tokio offers no other way to find out than to make a timer, which panics without one.
fn has_timer(runtime: &Handle) -> bool {
    let _context = runtime.enter();
    catch_panic(|| drop(tokio::time::sleep(Duration::ZERO))).is_some()
}
