//! Every setting as plain data, for applications that read settings from a file or the environment.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ComponentType, Criticality, Limits, OnTimeout, Probe};

/// Holds the settings of a [`Health`](crate::Health).
///
/// The [builder](crate::HealthBuilder) and [`Check`](crate::Check) have methods for the same
/// settings. With feature `serde`, the settings deserialize from a file or the environment:
///
/// - Keys are the names of the fields. Each is optional, and an unknown key is an error.
/// - A duration is a number of milliseconds, `500` or `"500"`, or a text with units such as
///   `"1s 500ms"`.
/// - A number may be given as text, such as `"3"`, since environment variables hold only texts.
///
/// ```
/// # #[cfg(feature = "serde")] {
/// let config: tower_health::HealthConfig = toml::from_str(r#"
///     ttl = "2s"
///     timeout = 500
///     jitter = "0.2"
///     version = "1.4.0"
///
///     [checks.db]
///     failure_threshold = 3
/// "#)?;
/// assert_eq!(config.ttl.as_secs(), 2);
/// assert_eq!(config.timeout.as_millis(), 500);
/// assert_eq!(config.jitter, 0.2);
/// assert_eq!(config.checks["db"].failure_threshold, Some(3));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct HealthConfig {
    /// Time from the end of a run of a check to the start of the next. Default: 1 s.
    #[cfg_attr(feature = "serde", serde(with = "super::duration"))]
    pub ttl: Duration,
    /// Time that a run may take before it fails. Default: 5 s.
    #[cfg_attr(feature = "serde", serde(with = "super::duration"))]
    pub timeout: Duration,
    /// Part of its timeout after which a run that still goes on is logged as slow, as a fraction from
    /// 0.01 to 1. Default: 0.5. At 1 no run is slow, since it times out then.
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub slow_at: f64,
    /// Random variation of the intervals between runs, as a fraction from 0 to 0.5. Default: 0.1.
    ///
    /// It keeps instances that were deployed together from checking together. The first repeat
    /// falls anywhere within one interval, unless the jitter is 0.
    #[cfg_attr(feature = "serde", serde(with = "super::number"))]
    pub jitter: f64,
    /// Seed that makes the jitter repeatable, for tests. Default: a random seed.
    #[cfg_attr(feature = "serde", serde(with = "super::number::optional"))]
    pub jitter_seed: Option<u64>,
    /// Time for which a draining server still accepts requests after readiness has failed, so that
    /// load balancers notice. Default: 5 s.
    #[cfg_attr(feature = "serde", serde(with = "super::duration"))]
    pub drain_delay: Duration,
    /// Time that open connections have after the drain delay; see
    /// [`Health::cap_drain`](crate::Health::cap_drain). Default: 20 s.
    ///
    /// With the default delay this is 25 s in total. Kubernetes kills a pod after 30 s.
    #[cfg_attr(feature = "serde", serde(with = "super::duration"))]
    pub drain_cap: Duration,
    /// Limits of what comes from outside.
    pub limits: Limits,
    /// `version` of the report: the public version of the service.
    #[cfg_attr(feature = "serde", serde(with = "super::text::optional"))]
    pub version: Option<String>,
    /// `releaseId` of the report: the version of the build.
    #[cfg_attr(feature = "serde", serde(with = "super::text::optional"))]
    pub release_id: Option<String>,
    /// `serviceId` of the report.
    #[cfg_attr(feature = "serde", serde(with = "super::text::optional"))]
    pub service_id: Option<String>,
    /// `description` of the report.
    #[cfg_attr(feature = "serde", serde(with = "super::text::optional"))]
    pub description: Option<String>,
    /// The environment that the process runs in, such as `production`, for the status page, `/info`
    /// and formats. It is not part of the report.
    #[cfg_attr(feature = "serde", serde(with = "super::text::optional"))]
    pub environment: Option<String>,
    /// `notes` of the report, before those about checks.
    pub notes: Vec<String>,
    /// `links` of the report: URIs by link relation.
    pub links: BTreeMap<String, String>,
    /// Settings of checks by name, which take precedence over those in code.
    ///
    /// Settings apply to the checks of this name for every probe, and to checks that are added at
    /// run time. A name without a registered check is an error at the start, unless the builder
    /// [allows](crate::HealthBuilder::allow_config_for) it.
    pub checks: BTreeMap<String, CheckConfig>,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            slow_at: 0.5,
            jitter: 0.1,
            jitter_seed: None,
            drain_delay: Duration::from_secs(5),
            drain_cap: Duration::from_secs(20),
            limits: Limits::default(),
            version: None,
            release_id: None,
            service_id: None,
            description: None,
            environment: None,
            notes: Vec::new(),
            links: BTreeMap::new(),
            checks: BTreeMap::new(),
        }
    }
}

/// Holds the settings of one check.
///
/// `None` falls back, in this order, to the [`Check`](crate::Check) as registered, its
/// [`HealthIndicator`](crate::HealthIndicator), and [`HealthConfig`]. With feature `serde`, the
/// settings deserialize as those of [`HealthConfig`] do.
///
/// ```
/// use tower_health::{CheckConfig, Criticality, Health, HealthConfig, Probe, indicator_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut cache = CheckConfig::default();
/// cache.criticality = Some(Criticality::NonCritical);
/// let mut config = HealthConfig::default();
/// config.checks.insert("cache".to_owned(), cache);
///
/// let health = Health::builder()
///     .config(config)
///     .readiness(indicator_fn("cache", async || Ok::<_, std::io::Error>(())))
///     .start()?;
/// let snapshot = health.snapshot();
/// let check = snapshot.checks(Probe::Readiness).next().ok_or("no check")?;
/// assert_eq!(check.criticality(), Criticality::NonCritical);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct CheckConfig {
    /// Time that a run may take; see [`Check::timeout`](crate::Check::timeout).
    #[cfg_attr(feature = "serde", serde(with = "super::duration::optional"))]
    pub timeout: Option<Duration>,
    /// Part of the timeout after which a run is slow; see [`Check::slow_at`](crate::Check::slow_at).
    #[cfg_attr(feature = "serde", serde(with = "super::number::optional"))]
    pub slow_at: Option<f64>,
    /// Time between two runs; see [`Check::ttl`](crate::Check::ttl).
    #[cfg_attr(feature = "serde", serde(with = "super::duration::optional"))]
    pub ttl: Option<Duration>,
    /// Time between two runs of a failing check; see
    /// [`Check::failing_ttl`](crate::Check::failing_ttl).
    #[cfg_attr(feature = "serde", serde(with = "super::duration::optional"))]
    pub failing_ttl: Option<Duration>,
    /// Time to the next run after a failure that does not count yet; see
    /// [`Check::suspect_ttl`](crate::Check::suspect_ttl).
    #[cfg_attr(feature = "serde", serde(with = "super::duration::optional"))]
    pub suspect_ttl: Option<Duration>,
    /// Age at which a result becomes stale; see [`Check::stale_after`](crate::Check::stale_after).
    #[cfg_attr(feature = "serde", serde(with = "super::duration::optional"))]
    pub stale_after: Option<Duration>,
    /// `critical` or `non_critical`; see [`Check::criticality`](crate::Check::criticality).
    pub criticality: Option<Criticality>,
    /// Number of failures after which a passing check fails; see
    /// [`Check::failure_threshold`](crate::Check::failure_threshold).
    #[cfg_attr(feature = "serde", serde(with = "super::number::optional"))]
    pub failure_threshold: Option<u32>,
    /// Number of passes after which a failing check passes; see
    /// [`Check::success_threshold`](crate::Check::success_threshold).
    #[cfg_attr(feature = "serde", serde(with = "super::number::optional"))]
    pub success_threshold: Option<u32>,
    /// Time since the last probe within which the check runs; see
    /// [`Check::while_probed`](crate::Check::while_probed).
    #[cfg_attr(feature = "serde", serde(with = "super::duration::optional"))]
    pub while_probed: Option<Duration>,
    /// `abort` or `detach`; see [`Check::on_timeout`](crate::Check::on_timeout).
    pub on_timeout: Option<OnTimeout>,
    /// `componentId` of the report; see [`Check::component_id`](crate::Check::component_id).
    #[cfg_attr(feature = "serde", serde(with = "super::text::optional"))]
    pub component_id: Option<String>,
    /// `componentType` of the report; see [`Check::component_type`](crate::Check::component_type).
    pub component_type: Option<ComponentType>,
    /// `affectedEndpoints` of the report; see
    /// [`Check::affected_endpoint`](crate::Check::affected_endpoint).
    pub affected_endpoints: Option<Vec<String>>,
    /// `links` of the check in the report: URIs by link relation; see
    /// [`Check::link`](crate::Check::link).
    pub links: Option<BTreeMap<String, String>>,
}

impl CheckConfig {
    /// Returns these settings, with those of `other` in place of each `None`.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            timeout: self.timeout.or(other.timeout),
            slow_at: self.slow_at.or(other.slow_at),
            ttl: self.ttl.or(other.ttl),
            failing_ttl: self.failing_ttl.or(other.failing_ttl),
            suspect_ttl: self.suspect_ttl.or(other.suspect_ttl),
            stale_after: self.stale_after.or(other.stale_after),
            criticality: self.criticality.or(other.criticality),
            failure_threshold: self.failure_threshold.or(other.failure_threshold),
            success_threshold: self.success_threshold.or(other.success_threshold),
            while_probed: self.while_probed.or(other.while_probed),
            on_timeout: self.on_timeout.or(other.on_timeout),
            component_id: self.component_id.or(other.component_id),
            component_type: self.component_type.or(other.component_type),
            affected_endpoints: self.affected_endpoints.or(other.affected_endpoints),
            links: self.links.or(other.links),
        }
    }
}

/// Holds the settings of a [`HealthLayer`](crate::HealthLayer).
///
/// With feature `serde`, the settings deserialize as those of [`HealthConfig`] do. Only code can
/// set [`Details`](crate::Details), since it knows which callers reach the listener.
///
/// ```
/// # #[cfg(feature = "serde")] {
/// let config: tower_health::LayerConfig = toml::from_str(r#"
///     prefix = "/internal"
///     readiness = ["/readyz", "/ready"]
/// "#)?;
/// assert_eq!(config.liveness, ["/livez"]);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct LayerConfig {
    /// Prefix of every path. Default: empty.
    pub prefix: String,
    /// Paths that answer liveness; an empty list disables the probe. Default: `/livez`.
    pub liveness: Vec<String>,
    /// Paths that answer readiness; an empty list disables the probe. Default: `/readyz`.
    pub readiness: Vec<String>,
    /// Paths that answer startup; an empty list disables the probe. Default: `/startupz`.
    pub startup: Vec<String>,
}

impl Default for LayerConfig {
    fn default() -> Self {
        let paths = |probe: Probe| vec![probe.default_path().to_owned()];
        Self {
            prefix: String::new(),
            liveness: paths(Probe::Liveness),
            readiness: paths(Probe::Readiness),
            startup: paths(Probe::Startup),
        }
    }
}

impl LayerConfig {
    pub(crate) fn paths_mut(&mut self, probe: Probe) -> &mut Vec<String> {
        match probe {
            Probe::Liveness => &mut self.liveness,
            Probe::Readiness => &mut self.readiness,
            Probe::Startup => &mut self.startup,
        }
    }

    pub(crate) fn all_paths(mut self) -> Vec<(String, Probe)> {
        let paths = |probe| {
            std::mem::take(self.paths_mut(probe))
                .into_iter()
                .map(move |path| (path, probe))
        };
        Probe::EACH.into_iter().flat_map(paths).collect()
    }
}
