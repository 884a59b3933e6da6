//! An indicator as registered, with its settings, and how these are resolved.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::config::{CheckConfig, HealthConfig};
use crate::error::{Named, OptionFault, Problem};
use crate::indicator::{ErasedIndicator, HealthIndicator};
use crate::model::{CheckSpec, ComponentType, Criticality, LONGEST, name};
use crate::panic::panic_message;
use crate::probe::Probe;

/// An indicator with the settings under which it is registered.
///
/// An indicator converts into a check by itself when nothing needs to be set.
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
#[must_use = "a check runs only once it is registered"]
pub struct Check {
    indicator: Arc<dyn ErasedIndicator>,
    /// The name, or the message of the panic of the indicator that was asked for it.
    name: Result<String, String>,
    config: CheckConfig,
    /// What the indicator says of itself.
    own: CheckConfig,
    /// What is wrong with how the indicator was configured.
    config_error: Option<String>,
}

impl Check {
    /// Takes the name and the defaults of the indicator.
    pub fn new(indicator: impl HealthIndicator) -> Self {
        let asked = catch_unwind(AssertUnwindSafe(|| {
            let own = CheckConfig {
                timeout: indicator.timeout(),
                ttl: indicator.ttl(),
                criticality: Some(indicator.criticality()),
                component_type: indicator.component_type(),
                component_id: indicator.component_id(),
                ..CheckConfig::default()
            };
            (indicator.name().to_owned(), own, indicator.config_error())
        }));
        let (name, own, config_error) = match asked {
            Ok((name, own, config_error)) => (Ok(name), own, config_error),
            Err(payload) => (Err(panic_message(payload)), CheckConfig::default(), None),
        };
        Self {
            indicator: Arc::new(indicator),
            name,
            config: CheckConfig::default(),
            own,
            config_error,
        }
    }

    /// How long a run may take before it counts as failed and is aborted.
    ///
    /// By default what the indicator says, or [`HealthConfig::timeout`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = Some(timeout);
        self
    }

    /// The time from the end of a run to the next.
    ///
    /// By default what the indicator says, or [`HealthConfig::ttl`].
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.config.ttl = Some(ttl);
        self
    }

    /// The time from the end of a run to the next while the check fails. By default the TTL.
    pub fn failing_ttl(mut self, failing_ttl: Duration) -> Self {
        self.config.failing_ttl = Some(failing_ttl);
        self
    }

    /// How long a result may stand before the check counts as stale: a critical one fails then, any
    /// other warns.
    ///
    /// It must be more than one and a half TTLs. By default it is three times the interval in use,
    /// and at least one and a half times the interval plus the timeout plus 1 s.
    pub fn stale_after(mut self, stale_after: Duration) -> Self {
        self.config.stale_after = Some(stale_after);
        self
    }

    /// Whether a failure fails the probe. By default what the indicator says.
    pub fn criticality(mut self, criticality: Criticality) -> Self {
        self.config.criticality = Some(criticality);
        self
    }

    /// How many consecutive failures make a check fail that passed before. Default: 1.
    pub fn failure_threshold(mut self, failures: u32) -> Self {
        self.config.failure_threshold = Some(failures);
        self
    }

    /// How many consecutive passes make a check pass again. Default: 1. The first pass of a check
    /// counts at once.
    pub fn success_threshold(mut self, passes: u32) -> Self {
        self.config.success_threshold = Some(passes);
        self
    }

    /// Runs the check only while readiness was probed within this time, for a dependency that
    /// should be allowed to fall asleep. By default a check always runs.
    ///
    /// What counts is a request for readiness, for one of its checks at `/readyz/{name}`, and a
    /// gRPC `Check` of readiness or of any service that is mapped to checks, and a `Watch` of
    /// these as long as it is open. Neither [`Health::status`](crate::Health::status) nor a gRPC
    /// `List` does.
    ///
    /// While nobody asks the result becomes stale. The first probe after that says so, and within
    /// a second, or a TTL if that is shorter, the check runs again. Choose a time longer than the
    /// interval of the slowest prober: Kubernetes asks every 10 s, Azure Front Door every 30 s.
    pub fn while_probed(mut self, within: Duration) -> Self {
        self.config.while_probed = Some(within);
        self
    }

    /// `componentId` of the report: which of several instances it is.
    pub fn component_id(mut self, id: impl Into<String>) -> Self {
        self.config.component_id = Some(id.into());
        self
    }

    /// `componentType` of the report.
    pub fn component_type(mut self, component_type: ComponentType) -> Self {
        self.config.component_type = Some(component_type);
        self
    }

    /// Adds to `affectedEndpoints` of the report: a URI template (RFC 6570) of what does not work
    /// while the check does not pass.
    pub fn affected_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.config
            .affected_endpoints
            .get_or_insert_default()
            .push(endpoint.into());
        self
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref().ok()
    }

    /// Settles every setting, and names what cannot work.
    pub(crate) fn resolve(
        self,
        probe: Probe,
        config: &HealthConfig,
        problems: &mut Vec<Problem>,
    ) -> Option<(CheckSpec, Arc<dyn ErasedIndicator>)> {
        let of = Named::Check(probe);
        let name = match self.name {
            Ok(name) => name,
            Err(message) => {
                problems.push(Problem::IndicatorPanicked { of, message });
                return None;
            }
        };
        if let Err(fault) = name::validate(&name) {
            problems.push(Problem::Name {
                of,
                name: name.clone(),
                fault,
            });
        }
        problems.extend(self.config_error.map(|fault| Problem::Indicator {
            name: name.clone(),
            fault,
        }));
        let from_file = config.checks.get(&name).cloned().unwrap_or_default();
        let settings = from_file.or(self.config).or(self.own);
        let ttl = settings.ttl.unwrap_or(config.ttl);
        let failing_ttl = settings.failing_ttl.unwrap_or(ttl);
        validate(&name, &settings, ttl.max(failing_ttl), problems);
        let spec = CheckSpec {
            name,
            criticality: settings.criticality.unwrap_or_default(),
            component_id: settings.component_id,
            component_type: settings.component_type,
            affected_endpoints: settings.affected_endpoints.unwrap_or_default(),
            timeout: settings.timeout.unwrap_or(config.timeout),
            ttl,
            failing_ttl,
            stale_after: settings.stale_after,
            failure_threshold: settings.failure_threshold.unwrap_or(1),
            success_threshold: settings.success_threshold.unwrap_or(1),
            while_probed: settings.while_probed,
        };
        Some((spec, self.indicator))
    }
}

/// Names what cannot work of the settings that are the check's own; what it takes over from others
/// is named where it was set.
fn validate(name: &str, settings: &CheckConfig, interval: Duration, problems: &mut Vec<Problem>) {
    let of = Some(name);
    let durations = [
        ("timeout", settings.timeout),
        ("ttl", settings.ttl),
        ("failing_ttl", settings.failing_ttl),
        ("stale_after", settings.stale_after),
        ("while_probed", settings.while_probed),
    ];
    for (option, duration) in durations {
        problems.extend(duration.and_then(|duration| duration_problem(of, option, duration)));
    }
    for (option, threshold) in [
        ("failure_threshold", settings.failure_threshold),
        ("success_threshold", settings.success_threshold),
    ] {
        if threshold == Some(0) {
            problems.push(Problem::zero(of, option));
        }
    }
    // A result that expires before the next one can be there would flap for ever.
    let needed = crate::model::longest(interval.min(LONGEST));
    if let Some(given) = settings.stale_after.filter(|given| *given <= needed) {
        let fault = OptionFault::TooShort { given, needed };
        problems.push(Problem::option(of, "stale_after", fault));
    }
}

/// What is wrong with a duration that must be neither zero nor endless.
pub(crate) fn duration_problem(
    of: Option<&str>,
    option: &'static str,
    duration: Duration,
) -> Option<Problem> {
    if duration.is_zero() {
        return Some(Problem::zero(of, option));
    }
    let too_long = OptionFault::Text("must not be longer than a year");
    (duration > LONGEST).then(|| Problem::option(of, option, too_long))
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
