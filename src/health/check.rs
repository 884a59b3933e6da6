//! A check: an indicator with the settings of its registration.

use crate::catch::{CatchDrop, panic_message};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::model::{
    CheckConfig, CheckSpec, ComponentType, Criticality, DynIndicator, HealthConfig,
    HealthIndicator, LONGEST, Named, OnTimeout, OptionFault, Probe, Problem, Redactor,
    duration_problem, longest, validate_name,
};

/// How many checks were registered in this process.
static REGISTRATIONS: AtomicU64 = AtomicU64::new(0);

/// Holds an indicator and its settings, ready to register.
///
/// An indicator without settings of its own can be registered directly: it converts into a check.
///
/// ```
/// use std::time::Duration;
/// use tower_health::{Check, Criticality, Health, indicator_fn};
///
/// let cache = Check::new(indicator_fn("cache", async || Ok::<_, std::io::Error>(())))
///     .criticality(Criticality::NonCritical)
///     .ttl(Duration::from_secs(10))
///     .failure_threshold(3);
/// let builder = Health::builder().readiness(cache);
/// # let _ = builder;
/// ```
#[must_use = "a check does not run until it is registered"]
pub struct Check {
    indicator: Arc<dyn DynIndicator>,
    /// The name, or the message if the indicator panicked while its settings were read.
    name: Result<String, String>,
    config: CheckConfig,
    /// The defaults of the indicator.
    own: CheckConfig,
    /// The configuration error of the indicator.
    config_error: Option<String>,
}

impl Check {
    /// Creates a check with the name and the defaults of the indicator.
    pub fn new(indicator: impl HealthIndicator) -> Self {
        let settings = catch_unwind(AssertUnwindSafe(|| {
            let own = CheckConfig {
                timeout: indicator.timeout(),
                ttl: indicator.ttl(),
                criticality: Some(indicator.criticality()),
                on_timeout: Some(indicator.on_timeout()),
                component_type: indicator.component_type(),
                component_id: indicator.component_id(),
                ..CheckConfig::default()
            };
            (indicator.name().to_owned(), own, indicator.config_error())
        }));
        let (name, own, config_error) = match settings {
            Ok((name, own, config_error)) => (Ok(name), own, config_error),
            Err(payload) => (Err(panic_message(payload)), CheckConfig::default(), None),
        };
        Self {
            indicator: Arc::new(CatchDrop::new(indicator)),
            name,
            config: CheckConfig::default(),
            own,
            config_error,
        }
    }

    /// Sets the time after which a run counts as failed; [`on_timeout`](Self::on_timeout) says what
    /// happens to it then.
    ///
    /// The run gets the time back in which the refresher was late; see the [guide to hostile
    /// hosts](crate::guides::hostile_hosts). Default: that of the indicator, otherwise [`HealthConfig::timeout`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = Some(timeout);
        self
    }

    /// Sets the part of its timeout after which a run that still goes on is logged as slow.
    ///
    /// It is a fraction from 0.01 to 1; at 1 no run is slow. The [guide to events](crate::guides::events)
    /// describes the log lines. Default: [`HealthConfig::slow_at`].
    pub fn slow_at(mut self, fraction: f64) -> Self {
        self.config.slow_at = Some(fraction);
        self
    }

    /// Sets the time from the end of a run to the start of the next.
    ///
    /// Default: that of the indicator, otherwise [`HealthConfig::ttl`].
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.config.ttl = Some(ttl);
        self
    }

    /// Sets the time between two runs while the check fails. Default: the TTL.
    pub fn failing_ttl(mut self, failing_ttl: Duration) -> Self {
        self.config.failing_ttl = Some(failing_ttl);
        self
    }

    /// Sets the time to the next run while the check still passes although its last run failed,
    /// because the failures are fewer than [`failure_threshold`](Self::failure_threshold).
    ///
    /// A short one confirms a failure quickly: with a threshold of 2, a dependency that is down is
    /// noticed one short run later than with a threshold of 1, not one TTL later. It is also all the
    /// time that a dependency has to recover. One that is longer than the TTL counts as the TTL.
    /// Default: the TTL.
    pub fn suspect_ttl(mut self, suspect_ttl: Duration) -> Self {
        self.config.suspect_ttl = Some(suspect_ttl);
        self
    }

    /// Sets the age at which a result becomes stale: a critical check then fails, any other warns.
    ///
    /// It must be more than 1.5 times the longer of [`ttl`](Self::ttl) and
    /// [`failing_ttl`](Self::failing_ttl). The duration of the slowest of the latest runs that did
    /// not fail is added to it, so that a slow check does not flap. Default: three times the interval
    /// in use, and at least 1.5 times the interval plus the timeout plus 1 s.
    pub fn stale_after(mut self, stale_after: Duration) -> Self {
        self.config.stale_after = Some(stale_after);
        self
    }

    /// Sets whether a failure fails the probe.
    ///
    /// Default: that of the indicator, which is critical unless its documentation says otherwise.
    pub fn criticality(mut self, criticality: Criticality) -> Self {
        self.config.criticality = Some(criticality);
        self
    }

    /// Sets how many consecutive failures turn a passing check into a failing one. Default: 1.
    ///
    /// A check fails until its first pass, whatever the threshold.
    pub fn failure_threshold(mut self, failures: u32) -> Self {
        self.config.failure_threshold = Some(failures);
        self
    }

    /// Sets how many consecutive passes turn a failing check into a passing one. Default: 1.
    ///
    /// The first pass of a check counts at once, whatever the threshold.
    pub fn success_threshold(mut self, passes: u32) -> Self {
        self.config.success_threshold = Some(passes);
        self
    }

    /// Runs the check only while readiness was probed within this time.
    ///
    /// It lets an unused dependency go to sleep. Default: the check always runs.
    ///
    /// These requests count as probes: readiness, one of its checks at `/readyz/{name}`, a gRPC
    /// `Check` of readiness or of a service that is mapped to checks, and a `Watch` of these while
    /// it is open. [`Health::status`](crate::Health::status) and a gRPC `List` do not count.
    ///
    /// Without probes the result becomes stale. The next probe gets the stale result, and the check
    /// runs again within 1 s, or within a TTL if that is shorter. Choose a time longer than the
    /// interval of the slowest prober: Kubernetes probes every 10 s, Azure Front Door every 30 s.
    pub fn while_probed(mut self, within: Duration) -> Self {
        self.config.while_probed = Some(within);
        self
    }

    /// Sets what happens to a run that exceeds its timeout.
    ///
    /// Default: that of the indicator, which is [`OnTimeout::Abort`] unless its documentation says
    /// otherwise.
    pub fn on_timeout(mut self, on_timeout: OnTimeout) -> Self {
        self.config.on_timeout = Some(on_timeout);
        self
    }

    /// Sets `componentId` of the report, which identifies one of several instances.
    pub fn component_id(mut self, id: impl Into<String>) -> Self {
        self.config.component_id = Some(id.into());
        self
    }

    /// Sets `componentType` of the report.
    pub fn component_type(mut self, component_type: ComponentType) -> Self {
        self.config.component_type = Some(component_type);
        self
    }

    /// Adds an endpoint that does not work while the check does not pass to `affectedEndpoints` of
    /// the report.
    ///
    /// The endpoint is a URI template (RFC 6570).
    pub fn affected_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.config
            .affected_endpoints
            .get_or_insert_default()
            .push(endpoint.into());
        self
    }

    /// Adds a link about the check, such as its runbook, to `links` of its object in the report.
    ///
    /// The status page shows links whose URI begins with `http://` or `https://`. Section 4.9 of the
    /// draft defines the field.
    ///
    /// ```
    /// use tower_health::{Check, indicator_fn};
    ///
    /// let db = indicator_fn("db", || async { Ok::<_, std::io::Error>(()) });
    /// let check = Check::new(db).link("runbook", "https://wiki.example.com/runbooks/db");
    /// # let _ = check;
    /// ```
    pub fn link(mut self, relation: impl Into<String>, uri: impl Into<String>) -> Self {
        self.config
            .links
            .get_or_insert_default()
            .insert(relation.into(), uri.into());
        self
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref().ok()
    }

    /// Resolves every setting and reports those that cannot work.
    pub(super) fn resolve(
        self,
        probe: Probe,
        config: &HealthConfig,
        redactor: &Redactor,
        problems: &mut Vec<Problem>,
    ) -> Option<(CheckSpec, Arc<dyn DynIndicator>)> {
        let of = Named::Check(probe);
        let name = match self.name {
            Ok(name) => name,
            Err(message) => {
                let message = redactor.prepare(message);
                problems.push(Problem::IndicatorPanicked { of, message });
                return None;
            }
        };
        if let Err(fault) = validate_name(&name) {
            problems.push(Problem::Name {
                of,
                name: name.clone(),
                fault,
            });
        }
        problems.extend(self.config_error.map(|fault| Problem::Indicator {
            name: name.clone(),
            fault: redactor.prepare(fault),
        }));
        let from_file = config.checks.get(&name).cloned().unwrap_or_default();
        let settings = from_file.or(self.config).or(self.own);
        let ttl = settings.ttl.unwrap_or(config.ttl);
        let failing_ttl = settings.failing_ttl.unwrap_or(ttl);
        validate(&name, &settings, ttl.max(failing_ttl), problems);
        let spec = CheckSpec {
            // 0 is that of a fixed health.
            registration: REGISTRATIONS.fetch_add(1, Ordering::Relaxed) + 1,
            name,
            criticality: settings.criticality.unwrap_or_default(),
            component_id: settings.component_id,
            component_type: settings.component_type,
            affected_endpoints: settings.affected_endpoints.unwrap_or_default(),
            links: settings.links.unwrap_or_default(),
            timeout: settings.timeout.unwrap_or(config.timeout),
            slow_at: settings.slow_at.unwrap_or(config.slow_at),
            ttl,
            failing_ttl,
            suspect_ttl: settings.suspect_ttl.unwrap_or(ttl).min(ttl),
            stale_after: settings.stale_after,
            failure_threshold: settings.failure_threshold.unwrap_or(1),
            success_threshold: settings.success_threshold.unwrap_or(1),
            while_probed: settings.while_probed,
            on_timeout: settings.on_timeout.unwrap_or_default(),
            limits: config.limits,
        };
        Some((spec, self.indicator))
    }
}

/// Reports which of the check's own settings cannot work. Settings that it inherits are validated
/// once, with the config.
fn validate(name: &str, settings: &CheckConfig, interval: Duration, problems: &mut Vec<Problem>) {
    let of = Some(name);
    let durations = [
        ("timeout", settings.timeout),
        ("ttl", settings.ttl),
        ("failing_ttl", settings.failing_ttl),
        ("suspect_ttl", settings.suspect_ttl),
        ("stale_after", settings.stale_after),
        ("while_probed", settings.while_probed),
    ];
    for (option, duration) in durations {
        problems.extend(duration.and_then(|duration| duration_problem(of, option, duration)));
    }
    problems.extend(
        settings
            .slow_at
            .and_then(|slow_at| slow_at_problem(of, slow_at)),
    );
    for (option, threshold) in [
        ("failure_threshold", settings.failure_threshold),
        ("success_threshold", settings.success_threshold),
    ] {
        if threshold == Some(0) {
            problems.push(Problem::zero(of, option));
        }
    }
    // A result that expires before the next one can arrive would make the check flap forever.
    let needed = longest(interval.min(LONGEST));
    if let Some(given) = settings.stale_after.filter(|given| *given <= needed) {
        let fault = OptionFault::TooShort { given, needed };
        problems.push(Problem::option(of, "stale_after", fault));
    }
}

/// Returns a problem if a run cannot be slow after this part of its timeout.
pub(super) fn slow_at_problem(of: Option<&str>, slow_at: f64) -> Option<Problem> {
    let fault = OptionFault::Text("must be from 0.01 to 1");
    let is_possible = (0.01..=1.0).contains(&slow_at);
    (!is_possible).then(|| Problem::option(of, "slow_at", fault))
}

impl<I: HealthIndicator> From<I> for Check {
    fn from(indicator: I) -> Self {
        Self::new(indicator)
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("name", &self.name)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
