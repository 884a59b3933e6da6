//! Gathers checks, gates and settings; everything that is wrong surfaces when it starts.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, watch};

use crate::check::{Check, duration_problem};
use crate::clock;
use crate::config::HealthConfig;
use crate::error::{BuildError, Named, OptionFault, Problem};
use crate::format::Format;
use crate::health::{Health, Registry};
use crate::lifecycle::Lifecycle;
use crate::model::{CheckState, Identity, Redactor, Report, Snapshot, Transition, name};
use crate::panic::quietly;
use crate::probe::Probe;
use crate::published::Published;
use crate::refresh::{Jitter, Listener, Refresher, Slot, SlotKey, Verdicts};

/// How many transitions a subscriber may be behind before it loses the oldest.
const TRANSITIONS_KEPT: usize = 1024;

/// Builds a [`Health`]; made by [`Health::builder`].
///
/// Options may be given in any order. Every problem is reported by [`start`](Self::start), all of
/// them at once.
#[derive(Default)]
#[must_use = "nothing is checked until `start` is called"]
pub struct HealthBuilder {
    config: HealthConfig,
    checks: Vec<(Probe, Check)>,
    gates: Vec<String>,
    listeners: Vec<Listener>,
    redactor: Redactor,
    format: Option<Result<Format, Problem>>,
}

impl HealthBuilder {
    /// Registers a check that readiness depends on.
    ///
    /// It runs at once and then one TTL after each run. Until its first result it counts as failed.
    pub fn readiness(mut self, check: impl Into<Check>) -> Self {
        self.checks.push((Probe::Readiness, check.into()));
        self
    }

    /// Registers a check that has to pass once before startup is complete.
    ///
    /// After its first pass it does not run again. A non-critical one holds startup up only until
    /// its first result.
    pub fn startup(mut self, check: impl Into<Check>) -> Self {
        self.checks.push((Probe::Startup, check.into()));
        self
    }

    /// Declares a startup step that [`Health::gate`] hands out: startup waits until it is
    /// [completed](crate::Gate::complete).
    pub fn gate(mut self, name: impl Into<String>) -> Self {
        self.gates.push(name.into());
        self
    }

    /// Takes these settings in place of all that were given before.
    pub fn config(mut self, config: HealthConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets [`HealthConfig::ttl`].
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.config.ttl = ttl;
        self
    }

    /// Sets [`HealthConfig::timeout`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = timeout;
        self
    }

    /// Sets [`HealthConfig::jitter`].
    pub fn jitter(mut self, fraction: f64) -> Self {
        self.config.jitter = fraction;
        self
    }

    /// Sets [`HealthConfig::jitter_seed`].
    pub fn jitter_seed(mut self, seed: u64) -> Self {
        self.config.jitter_seed = Some(seed);
        self
    }

    /// Sets [`HealthConfig::drain_delay`].
    pub fn drain_delay(mut self, delay: Duration) -> Self {
        self.config.drain_delay = delay;
        self
    }

    /// Sets [`HealthConfig::drain_cap`].
    pub fn drain_cap(mut self, cap: Duration) -> Self {
        self.config.drain_cap = cap;
        self
    }

    /// Sets [`HealthConfig::version`].
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.config.version = Some(version.into());
        self
    }

    /// Sets [`HealthConfig::release_id`].
    pub fn release_id(mut self, id: impl Into<String>) -> Self {
        self.config.release_id = Some(id.into());
        self
    }

    /// Sets [`HealthConfig::service_id`].
    pub fn service_id(mut self, id: impl Into<String>) -> Self {
        self.config.service_id = Some(id.into());
        self
    }

    /// Sets [`HealthConfig::description`].
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.config.description = Some(description.into());
        self
    }

    /// Adds to [`HealthConfig::notes`].
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.config.notes.push(note.into());
        self
    }

    /// Adds to [`HealthConfig::links`].
    pub fn link(mut self, relation: impl Into<String>, uri: impl Into<String>) -> Self {
        self.config.links.insert(relation.into(), uri.into());
        self
    }

    /// Calls this function with every [`Transition`], once each, after it was published.
    ///
    /// Listeners run one after the other in a task of their own. One that panics is logged; one
    /// that blocks delays only the listeners behind it, and holds a worker thread of the runtime.
    pub fn on_transition(mut self, listener: impl Fn(&Transition) + Send + Sync + 'static) -> Self {
        self.listeners.push(Arc::new(listener));
        self
    }

    /// Passes every text through this function before anybody sees it, in place of
    /// [`redact_credentials`](crate::redact_credentials).
    ///
    /// It gets at most 64 KiB, and 4 KiB of what it returns are kept. If it panics the text is
    /// withheld.
    pub fn redact(mut self, redact: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.redactor = Redactor::new(redact);
        self
    }

    /// Writes detailed reports in this format in place of draft-06 JSON.
    ///
    /// A report is written at most once for each snapshot. If the function panics the caller gets
    /// what an anonymous one would.
    ///
    /// ```
    /// use tower_health::Health;
    ///
    /// let builder = Health::builder().format("text/plain", |report| {
    ///     format!("{} is {}", report.probe(), report.status())
    /// });
    /// # let _ = builder;
    /// ```
    pub fn format(
        mut self,
        content_type: &str,
        render: impl Fn(&Report<'_>) -> String + Send + Sync + 'static,
    ) -> Self {
        let fault = OptionFault::Text("is not a valid header value");
        self.format = Some(
            HeaderValue::from_str(content_type)
                .map(|content_type| Format::new(content_type, render))
                .map_err(|_| Problem::option(Some(content_type), "content type", fault)),
        );
        self
    }

    /// Starts the refresher on the current tokio runtime, whose timer must be enabled.
    ///
    /// Every probe can be asked as soon as this returns; the checks run at once.
    ///
    /// # Errors
    ///
    /// Names every check, gate and option that cannot work, and says so if there is no runtime.
    pub fn start(self) -> Result<Health, BuildError> {
        self.launch(Handle::try_current().ok().as_ref())
    }

    /// Starts the refresher on this tokio runtime, whose timer must be enabled.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_on(self, runtime: &Handle) -> Result<Health, BuildError> {
        self.launch(Some(runtime))
    }

    fn launch(self, runtime: Option<&Handle>) -> Result<Health, BuildError> {
        let mut problems = Vec::new();
        let prepared = self.prepare(&mut problems);
        let runtime = match runtime {
            Some(runtime) if has_timer(runtime) => Ok(runtime),
            Some(_) => {
                Err("the timer of the tokio runtime is off: call `enable_time` on its builder")
            }
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
    fn prepare(self, problems: &mut Vec<Problem>) -> Prepared {
        validate_config(&self.config, problems);
        validate_names(&self.checks, &self.gates, &self.config, problems);
        let mut slots = BTreeMap::new();
        for (probe, check) in self.checks {
            if let Some((spec, indicator)) = check.resolve(probe, &self.config, problems) {
                slots.insert(
                    SlotKey(slots.len() as u64),
                    Slot::new(probe, spec, indicator),
                );
            }
        }
        let format = match self.format.transpose() {
            Ok(format) => format.unwrap_or_default(),
            Err(problem) => {
                problems.push(problem);
                Format::default()
            }
        };
        Prepared {
            config: self.config,
            slots,
            gates: self.gates,
            listeners: self.listeners,
            redactor: self.redactor,
            format,
        }
    }
}

impl fmt::Debug for HealthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthBuilder")
            .field("config", &self.config)
            .field("checks", &self.checks)
            .field("gates", &self.gates)
            .finish_non_exhaustive()
    }
}

/// A health that needs only a runtime.
struct Prepared {
    config: HealthConfig,
    slots: BTreeMap<SlotKey, Slot>,
    gates: Vec<String>,
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
            self.redactor.clone(),
            changed,
        );
        let identity = Arc::new(identity(&self.config));
        let at = (now, SystemTime::now());
        let snapshot = Snapshot::new(readiness, startup, lifecycle.view(now), identity, at);
        let (verdicts, latest) = watch::channel(Verdicts::of(&snapshot));
        let published = Arc::new(Published::new(
            Arc::new(lifecycle),
            snapshot,
            self.format,
            now,
        ));
        let (commands, orders) = mpsc::unbounded_channel();
        let (transitions, _) = broadcast::channel(TRANSITIONS_KEPT);
        let registry = Registry::of(&self.slots);
        Refresher {
            published: Arc::clone(&published),
            slots: self.slots,
            commands: orders,
            changed: changes,
            jitter: Jitter::new(self.config.jitter, self.config.jitter_seed),
            redactor: self.redactor,
            verdicts,
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
            transitions,
        )
    }
}

pub(crate) fn identity(config: &HealthConfig) -> Identity {
    Identity {
        version: config.version.clone(),
        release_id: config.release_id.clone(),
        service_id: config.service_id.clone(),
        description: config.description.clone(),
        notes: config.notes.clone(),
        links: config.links.clone(),
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
fn validate_names(
    checks: &[(Probe, Check)],
    gates: &[String],
    config: &HealthConfig,
    problems: &mut Vec<Problem>,
) {
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
    let registered: HashSet<_> = checks
        .iter()
        .filter_map(|(_, check)| check.name())
        .collect();
    for name in config
        .checks
        .keys()
        .filter(|name| !registered.contains(&***name))
    {
        let of = "registered check for the settings of";
        problems.push(Problem::Unknown {
            of,
            name: name.clone(),
        });
    }
}

/// Tokio has no other way to ask than to make a timer, which panics without one.
fn has_timer(runtime: &Handle) -> bool {
    let _context = runtime.enter();
    quietly(|| drop(tokio::time::sleep(Duration::ZERO))).is_some()
}
