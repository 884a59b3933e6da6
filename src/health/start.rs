//! Turns a builder into a running health, or into an error that names every problem.

use crate::catch::catch_panic;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, watch};

use super::names::NameTable;
use super::validate::{groups, validate};
use super::{Health, HealthBuilder, Inner};
use crate::model::{
    BuildError, CheckState, HealthConfig, Identity, Moment, Probe, Problem, Redactor, Snapshot,
    Status,
};
use crate::refresh::{Jitter, Listener, Refresher, Slot, SlotKey};
use crate::state::{Format, LifecycleState, Publisher, SharedState, clock};

impl HealthBuilder {
    /// Starts the refresher on the current tokio runtime, whose timer must be enabled.
    ///
    /// The checks run at once. Probes are answered as soon as this method returns.
    ///
    /// # Errors
    ///
    /// Returns an error that names every check, gate and option that cannot work. A missing runtime
    /// and a runtime without a timer are errors too.
    pub fn start(self) -> Result<Health, BuildError> {
        start(self, Handle::try_current().ok().as_ref())
    }

    /// Starts the refresher on this tokio runtime, whose timer must be enabled.
    ///
    /// # Errors
    ///
    /// Returns an error in the cases of [`start`](Self::start).
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
        Some(_) => {
            Err("the timer of the tokio runtime is not enabled: call `enable_time` on its builder")
        }
        None => {
            Err("`start` was called outside a tokio runtime: call it within one, or use `start_on`")
        }
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
    /// Creates a health whose readiness never changes by itself, for tests.
    ///
    /// Liveness and startup pass. It needs no runtime and has no refresher. Methods that need none,
    /// such as [`drain`](Self::drain), work as usual.
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

    /// Returns a fixed health with the publisher that a refresher would have.
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

/// Holds everything that a health needs except a runtime.
#[derive(Default)]
struct Plan {
    config: HealthConfig,
    slots: BTreeMap<SlotKey, Slot>,
    gates: Vec<String>,
    groups: BTreeMap<String, Vec<String>>,
    listeners: Vec<Listener>,
    redactor: Redactor,
    run_spans: bool,
    format: Format,
    #[cfg(feature = "metrics")]
    counts_probe_requests: bool,
}

/// Holds the checks of the first snapshot.
struct Checks {
    readiness: Vec<Arc<CheckState>>,
    startup: Vec<Arc<CheckState>>,
}

impl Plan {
    /// Validates and resolves everything that needs no runtime.
    fn new(builder: HealthBuilder, problems: &mut Vec<Problem>) -> Self {
        validate(&builder, problems);
        let groups = groups(
            builder.groups,
            &builder.checks,
            &builder.config.limits,
            problems,
        );
        let mut slots = BTreeMap::new();
        for (probe, check) in builder.checks {
            if let Some((spec, indicator)) =
                check.resolve(probe, &builder.config, &builder.redactor, problems)
            {
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
            run_spans: builder.run_spans,
            format,
            #[cfg(feature = "metrics")]
            counts_probe_requests: builder.counts_probe_requests,
        }
    }

    /// Returns the checks as they are before their first run.
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

    /// Connects the handle to the refresher, which is not started yet.
    fn connect(self, checks: Checks) -> (Health, Refresher) {
        let now = clock::now();
        let (wake_refresher, lifecycle_changed) = mpsc::channel(1);
        let lifecycle = LifecycleState::new(
            self.gates,
            checks.startup.len(),
            now,
            self.config.drain_delay,
            self.config.limits.lateness,
            self.redactor.clone(),
            wake_refresher,
        );
        let identity = Arc::new(identity(&self.config, self.groups, now));
        let snapshot = Snapshot::new(
            checks.readiness,
            checks.startup,
            lifecycle.view(now, now),
            identity,
            Moment::on_time(now, clock::wall()),
        );
        let (state, publisher) =
            SharedState::new(lifecycle, snapshot, self.format, now, &self.config);
        #[cfg(feature = "metrics")]
        if self.counts_probe_requests {
            state.count_probe_requests();
        }
        let (commands, received_commands) = mpsc::unbounded_channel();
        // Room for two changes of every check and probe at once, as in a network outage.
        let changes = 2 * (self.slots.len() + Probe::EACH.len());
        let backlog = changes.max(self.config.limits.transitions);
        let (subscribers, _) = broadcast::channel(backlog);
        let names = Mutex::new(NameTable::of(&self.slots));
        let refresher = Refresher {
            publisher,
            slots: self.slots,
            commands: received_commands,
            lifecycle_changed,
            jitter: Jitter::new(self.config.jitter, self.config.jitter_seed, now),
            redactor: self.redactor,
            run_spans: self.run_spans,
            subscribers: subscribers.clone(),
            backlog,
            listeners: self.listeners,
        };
        let inner = Inner {
            state,
            config: self.config,
            names,
            commands,
            subscribers,
            lifetime: watch::Sender::new(()),
            #[cfg(feature = "metrics")]
            is_recorded: Default::default(),
        };
        let health = Health {
            inner: Arc::new(inner),
        };
        (health, refresher)
    }
}

fn identity(
    config: &HealthConfig,
    groups: BTreeMap<String, Vec<String>>,
    now: Instant,
) -> Identity {
    Identity {
        version: config.version.clone(),
        release_id: config.release_id.clone(),
        service_id: config.service_id.clone(),
        description: config.description.clone(),
        environment: config.environment.clone(),
        started_at: now,
        started_time: clock::wall(),
        notes: config.notes.clone(),
        links: config.links.clone(),
        groups,
        text_bytes: config.limits.text_bytes,
    }
}

/// Returns whether the timer of a runtime is enabled.
///
/// Tokio offers no other way to find out: creating a sleep panics without a timer.
fn has_timer(runtime: &Handle) -> bool {
    let _context = runtime.enter();
    catch_panic(|| drop(tokio::time::sleep(Duration::ZERO))).is_some()
}
