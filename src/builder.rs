//! Gathers checks, gates and settings; everything that is wrong surfaces when it starts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio::runtime::Handle;

use crate::check::Check;
use crate::config::HealthConfig;
use crate::error::{BuildError, OptionFault, Problem};
use crate::format::Format;
use crate::health::Health;
use crate::launch::launch;
use crate::model::{Redactor, Report, Transition};
use crate::probe::Probe;
use crate::refresh::Listener;

/// Builds a [`Health`]; made by [`Health::builder`].
///
/// Options may be given in any order. Every problem is reported by [`start`](Self::start), all of
/// them at once.
#[derive(Default)]
#[must_use = "nothing is checked until `start` is called"]
pub struct HealthBuilder {
    pub(crate) config: HealthConfig,
    pub(crate) checks: Vec<(Probe, Check)>,
    pub(crate) gates: Vec<String>,
    /// Names of checks that settings may be for, although nothing is registered yet.
    pub(crate) later: Vec<String>,
    /// Sets of readiness checks that have a name of their own.
    pub(crate) groups: Vec<(String, Vec<String>)>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) redactor: Redactor,
    pub(crate) format: Option<Result<Format, Problem>>,
}

impl HealthBuilder {
    /// Registers a check that readiness depends on.
    ///
    /// It runs at once and then one TTL after each run. Until its first result it counts as failed.
    pub fn readiness(mut self, check: impl Into<Check>) -> Self {
        self.checks.push((Probe::Readiness, check.into()));
        self
    }

    /// Registers a check that readiness depends on if there is one: a dependency that is not
    /// configured has no health.
    ///
    /// ```
    /// use tower_health::{Health, indicator_fn};
    ///
    /// # async fn ping(_: String) -> Result<(), std::io::Error> { Ok(()) }
    /// let cache: Option<String> = std::env::var("CACHE_URL").ok();
    /// let builder = Health::builder()
    ///     .maybe_readiness(cache.map(|url| indicator_fn("cache", move || ping(url.clone()))));
    /// # let _ = builder;
    /// ```
    pub fn maybe_readiness(self, check: Option<impl Into<Check>>) -> Self {
        match check {
            Some(check) => self.readiness(check),
            None => self,
        }
    }

    /// Registers a check that has to pass once before startup is complete.
    ///
    /// After its first pass it does not run again. A non-critical one holds startup up only until
    /// its first result.
    pub fn startup(mut self, check: impl Into<Check>) -> Self {
        self.checks.push((Probe::Startup, check.into()));
        self
    }

    /// Allows [settings](HealthConfig::checks) for a check of this name, which the code
    /// [adds](Health::add_readiness) while the service runs, or not at all.
    ///
    /// Without it settings for a name that is not registered when the health starts are an error.
    /// What is wrong with the settings is told when the check is added.
    pub fn added_later(mut self, name: impl Into<String>) -> Self {
        self.later.push(name.into());
        self
    }

    /// Declares a startup step that [`Health::gate`] hands out: startup waits until it is
    /// [completed](crate::Gate::complete).
    pub fn gate(mut self, name: impl Into<String>) -> Self {
        self.gates.push(name.into());
        self
    }

    /// Maps a gRPC service name to a set of readiness checks: whoever asks for the health of the
    /// service gets that of these checks. One that is removed while the service runs counts as
    /// failed.
    ///
    /// The names `""`, `liveness`, `readiness` and `startup` are there already.
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

    /// Sets [`HealthConfig::max_watches`].
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    pub fn max_watches(mut self, watches: usize) -> Self {
        self.config.max_watches = watches;
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
        launch(self, Handle::try_current().ok().as_ref())
    }

    /// Starts the refresher on this tokio runtime, whose timer must be enabled.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_on(self, runtime: &Handle) -> Result<Health, BuildError> {
        launch(self, Some(runtime))
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
