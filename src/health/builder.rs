//! The builder of a health, which collects checks, gates and settings.

use crate::catch::CatchDrop;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::Check;
use crate::model::{
    HealthConfig, Limits, OptionFault, Probe, Problem, Redactor, Report, Transition,
};
use crate::refresh::Listener;
use crate::state::Format;

/// Builds a [`Health`](crate::Health); see [`Health::builder`](crate::Health::builder).
///
/// Methods can be called in any order: a setting of the builder takes precedence over the same
/// setting in [`config`](Self::config), even if `config` is called later. [`start`](Self::start)
/// reports all problems at once.
#[derive(Default)]
#[must_use = "no check runs until `start` is called"]
pub struct HealthBuilder {
    pub(super) config: HealthConfig,
    /// The settings of the builder itself, which are applied to `config` at the start.
    settings: Vec<Setting>,
    pub(super) checks: Vec<(Probe, Check)>,
    pub(super) gates: Vec<String>,
    /// Names that may have settings without a registered check.
    pub(super) configurable: Vec<String>,
    /// Named sets of readiness checks.
    pub(super) groups: Vec<(String, Vec<String>)>,
    pub(super) listeners: Vec<Listener>,
    pub(super) redactor: Redactor,
    pub(super) run_spans: bool,
    pub(super) format: Option<Result<Format, Problem>>,
    #[cfg(feature = "metrics")]
    pub(super) counts_probe_requests: bool,
}

type Setting = Box<dyn Fn(&mut HealthConfig) + Send + Sync>;

impl HealthBuilder {
    /// Registers a check that readiness depends on.
    ///
    /// It runs at the start, and again one TTL after each run. It counts as failed until its first
    /// result.
    pub fn readiness(mut self, check: impl Into<Check>) -> Self {
        self.checks.push((Probe::Readiness, check.into()));
        self
    }

    /// Registers a readiness check if it is `Some`; for optional dependencies.
    ///
    /// ```
    /// use tower_health::{Check, Health, indicator_fn};
    ///
    /// # async fn ping(_: String) -> Result<(), std::io::Error> { Ok(()) }
    /// let cache: Option<String> = std::env::var("CACHE_URL").ok();
    /// let check = cache.map(|url| Check::new(indicator_fn("cache", move || ping(url.clone()))));
    /// let builder = Health::builder().maybe_readiness(check).maybe_readiness(None);
    /// # let _ = builder;
    /// ```
    pub fn maybe_readiness(self, check: Option<Check>) -> Self {
        match check {
            Some(check) => self.readiness(check),
            None => self,
        }
    }

    /// Registers a check that has to pass once before startup is complete.
    ///
    /// It does not run again after its first pass. A non-critical check only delays startup until
    /// its first result.
    pub fn startup(mut self, check: impl Into<Check>) -> Self {
        self.checks.push((Probe::Startup, check.into()));
        self
    }

    /// Allows [settings](HealthConfig::checks) for a check that is not registered at the start.
    ///
    /// The application may [add](crate::Health::add_readiness) the check later, or not at all.
    /// Without this call, settings for a name without a check are an error. Problems of the
    /// settings themselves are reported when the check is added.
    pub fn allow_config_for(mut self, name: impl Into<String>) -> Self {
        self.configurable.push(name.into());
        self
    }

    /// Declares a gate: startup waits until the application [completes](crate::Gate::complete) it.
    ///
    /// [`Health::gate`](crate::Health::gate) returns the gate.
    pub fn gate(mut self, name: impl Into<String>) -> Self {
        self.gates.push(name.into());
        self
    }

    /// Maps a gRPC service name to the readiness checks that decide its status.
    ///
    /// A check that is removed at run time counts as failed. The names `""`, `liveness`,
    /// `readiness` and `startup` are reserved.
    ///
    /// ```
    /// use tower_health::{Health, indicator_fn};
    ///
    /// # async fn ping() -> Result<(), std::io::Error> { Ok(()) }
    /// let builder = Health::builder()
    ///     .readiness(indicator_fn("db", ping))
    ///     .readiness(indicator_fn("queue", ping))
    ///     .grpc_service("shop.Catalogue", ["db"])
    ///     .grpc_service("shop.Orders", ["db", "queue"]);
    /// # let _ = builder;
    /// ```
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    pub fn grpc_service(
        mut self,
        service: impl Into<String>,
        checks: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let checks = checks.into_iter().map(Into::into).collect();
        self.groups.push((service.into(), checks));
        self
    }

    /// Applies settings from a file or another source.
    ///
    /// A setting of the builder itself takes precedence, whether it is set before or after this
    /// call. Notes and links of both are kept.
    pub fn config(mut self, config: HealthConfig) -> Self {
        self.config = config;
        self
    }

    fn set(mut self, setting: impl Fn(&mut HealthConfig) + Send + Sync + 'static) -> Self {
        self.settings.push(Box::new(setting));
        self
    }

    /// Sets the default time between two runs of a check. Default: 1 s.
    ///
    /// It counts from the end of a run to the start of the next. [`Check::ttl`] sets it for one
    /// check. See [`HealthConfig::ttl`].
    pub fn ttl(self, ttl: Duration) -> Self {
        self.set(move |config| config.ttl = ttl)
    }

    /// Sets the default time that a run of a check may take before it fails. Default: 5 s.
    ///
    /// [`Check::timeout`] sets it for one check. See [`HealthConfig::timeout`].
    pub fn timeout(self, timeout: Duration) -> Self {
        self.set(move |config| config.timeout = timeout)
    }

    /// Sets the part of its timeout after which a run that still goes on is logged as slow.
    /// Default: 0.5.
    ///
    /// It is a fraction from 0.01 to 1; at 1 no run is slow. [`Check::slow_at`] sets it for one
    /// check. See [`HealthConfig::slow_at`].
    pub fn slow_at(self, fraction: f64) -> Self {
        self.set(move |config| config.slow_at = fraction)
    }

    /// Puts each run of a check into a `tracing` span of its own. Default: no spans.
    ///
    /// The span `health_check` has the target `tower_health`, the level INFO, no parent, and the
    /// fields `probe`, `check`, `outcome` and `duration_seconds`; the last two are recorded when the
    /// run ends. What the indicator logs falls into the span. The [guide to
    /// events](crate::guides::events) says more.
    pub fn run_spans(mut self) -> Self {
        self.run_spans = true;
        self
    }

    /// Sets the random variation of the intervals between runs. Default: 0.1.
    ///
    /// It is a fraction from 0 to 0.5. See [`HealthConfig::jitter`].
    pub fn jitter(self, fraction: f64) -> Self {
        self.set(move |config| config.jitter = fraction)
    }

    /// Sets the seed that makes the jitter repeatable, for tests. Default: a random seed.
    ///
    /// See [`HealthConfig::jitter_seed`].
    pub fn jitter_seed(self, seed: u64) -> Self {
        self.set(move |config| config.jitter_seed = Some(seed))
    }

    /// Sets how long a draining server still accepts requests. Default: 5 s.
    ///
    /// Readiness fails throughout this time, so that load balancers notice. See
    /// [`HealthConfig::drain_delay`].
    pub fn drain_delay(self, delay: Duration) -> Self {
        self.set(move |config| config.drain_delay = delay)
    }

    /// Sets the time that open connections have after the drain delay. Default: 20 s.
    ///
    /// See [`HealthConfig::drain_cap`].
    pub fn drain_cap(self, cap: Duration) -> Self {
        self.set(move |config| config.drain_cap = cap)
    }

    /// Sets every limit of what comes from outside. Default: [`Limits::default`].
    ///
    /// See [`HealthConfig::limits`].
    pub fn limits(self, limits: Limits) -> Self {
        self.set(move |config| config.limits = limits)
    }

    /// Sets `version` of the report, the public version of the service. Default: none.
    ///
    /// See [`HealthConfig::version`].
    pub fn version(self, version: impl Into<String>) -> Self {
        let version = version.into();
        self.set(move |config| config.version = Some(version.clone()))
    }

    /// Sets `releaseId` of the report, the version of the build. Default: none.
    ///
    /// See [`HealthConfig::release_id`].
    pub fn release_id(self, id: impl Into<String>) -> Self {
        let id = id.into();
        self.set(move |config| config.release_id = Some(id.clone()))
    }

    /// Sets `serviceId` of the report. Default: none.
    ///
    /// See [`HealthConfig::service_id`].
    pub fn service_id(self, id: impl Into<String>) -> Self {
        let id = id.into();
        self.set(move |config| config.service_id = Some(id.clone()))
    }

    /// Sets `description` of the report. Default: none.
    ///
    /// See [`HealthConfig::description`].
    pub fn description(self, description: impl Into<String>) -> Self {
        let description = description.into();
        self.set(move |config| config.description = Some(description.clone()))
    }

    /// Sets the environment that the process runs in, such as `production`. Default: none.
    ///
    /// See [`HealthConfig::environment`].
    pub fn environment(self, environment: impl Into<String>) -> Self {
        let environment = environment.into();
        self.set(move |config| config.environment = Some(environment.clone()))
    }

    /// Adds a text to `notes` of the report. Default: no notes.
    ///
    /// See [`HealthConfig::notes`].
    pub fn note(self, note: impl Into<String>) -> Self {
        let note = note.into();
        self.set(move |config| config.notes.push(note.clone()))
    }

    /// Adds a URI, by its link relation, to `links` of the report. Default: no links.
    ///
    /// See [`HealthConfig::links`].
    pub fn link(self, relation: impl Into<String>, uri: impl Into<String>) -> Self {
        let (relation, uri) = (relation.into(), uri.into());
        self.set(move |config| {
            config.links.insert(relation.clone(), uri.clone());
        })
    }

    /// Calls a listener once for every [`Transition`], after the snapshot with it is published.
    ///
    /// Listeners run one after the other in a task of their own. The refresher logs a panic of a
    /// listener. A listener that blocks delays only other listeners, but it occupies a worker
    /// thread of the runtime.
    ///
    /// A queue holds up to [`Limits::transitions`] for the listeners. If they fall further behind,
    /// they miss the oldest; [`Health::missed_by_listeners`](crate::Health::missed_by_listeners)
    /// counts those.
    ///
    /// A listener that captures a [`Health`](crate::Health) keeps the refresher running for ever; it
    /// can capture a [`WeakHealth`](crate::WeakHealth).
    pub fn on_transition(mut self, listener: impl Fn(&Transition) + Send + Sync + 'static) -> Self {
        let listener = CatchDrop::new(listener);
        self.listeners
            .push(Arc::new(move |transition: &Transition| {
                (*listener)(transition)
            }));
        self
    }

    /// Sets the function that redacts every text before it is stored, logged or shown.
    ///
    /// Default: [`redact_credentials`](crate::redact_credentials). The function gets at most
    /// 64 KiB, and [`Limits::text_bytes`] of its result are kept. If it panics, the text is withheld.
    pub fn redact(mut self, redact: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.redactor = Redactor::new(redact);
        self
    }

    /// Sets the format of detailed reports. Default: JSON as in [`Report::to_json`].
    ///
    /// All callers share the first rendering of a snapshot; those that request it before it is
    /// finished render their own. If the function panics, the caller gets the public body.
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

    /// Applies the settings of the builder to the config.
    pub(super) fn settle(self) -> Self {
        let config = self.settled_config();
        Self {
            redactor: self.redactor.keeping(config.limits.text_bytes),
            config,
            settings: Vec::new(),
            ..self
        }
    }

    fn settled_config(&self) -> HealthConfig {
        let mut config = self.config.clone();
        for setting in &self.settings {
            setting(&mut config);
        }
        config
    }
}

impl fmt::Debug for HealthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthBuilder")
            .field("config", &self.settled_config())
            .field("checks", &self.checks)
            .field("gates", &self.gates)
            .finish_non_exhaustive()
    }
}
