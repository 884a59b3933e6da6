//! Every setting as plain data, for a service that reads them from a file.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ComponentType, Criticality, Probe};

/// The settings of a [`Health`](crate::Health).
///
/// Every field can be set by the builder too. With feature `serde` it deserializes from a section
/// of a settings file: keys are the names of the fields, all of them optional; a duration is a
/// number of milliseconds or a text such as `"1s 500ms"`; an unknown key is an error.
///
/// ```
/// # #[cfg(feature = "serde")] {
/// let config: tower_health::HealthConfig = toml::from_str(r#"
///     ttl = "2s"
///     timeout = 500
///     version = "1.4.0"
///
///     [checks.db]
///     failure_threshold = 3
/// "#)?;
/// assert_eq!(config.timeout.as_millis(), 500);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct HealthConfig {
    /// The time from the end of a run of a check to its next. Default: 1 s.
    #[cfg_attr(feature = "serde", serde(with = "super::duration"))]
    pub ttl: Duration,
    /// How long a run may take. Default: 5 s.
    #[cfg_attr(feature = "serde", serde(with = "super::duration"))]
    pub timeout: Duration,
    /// By how much intervals are varied, as a fraction of the interval from 0 to 0.5, so that a
    /// fleet that was deployed together does not check together. Default: 0.1.
    ///
    /// The first repeat falls anywhere within one interval, unless this is 0.
    pub jitter: f64,
    /// Makes the jitter repeatable, for tests. Default: `None`, which differs for each process.
    pub jitter_seed: Option<u64>,
    /// For how long requests are still served after readiness failed for good, so that load
    /// balancers notice. Default: 5 s.
    #[cfg_attr(feature = "serde", serde(with = "super::duration"))]
    pub drain_delay: Duration,
    /// For how long open connections may go on after the drain delay; see
    /// [`Health::cap_drain`](crate::Health::cap_drain). Default: 20 s, which together with the
    /// delay stays below the 30 s after which Kubernetes kills.
    #[cfg_attr(feature = "serde", serde(with = "super::duration"))]
    pub drain_cap: Duration,
    /// How many gRPC `Watch` streams may be open at once; one more is refused with
    /// `RESOURCE_EXHAUSTED`. Default: 16,384.
    #[cfg(feature = "grpc")]
    #[cfg_attr(docsrs, doc(cfg(feature = "grpc")))]
    pub max_watches: usize,
    /// `version` of the report: the public version of the service.
    pub version: Option<String>,
    /// `releaseId` of the report: the build.
    pub release_id: Option<String>,
    /// `serviceId` of the report.
    pub service_id: Option<String>,
    /// `description` of the report.
    pub description: Option<String>,
    /// `notes` of the report, in front of those about checks.
    pub notes: Vec<String>,
    /// `links` of the report: link relation to URI.
    pub links: BTreeMap<String, String>,
    /// Settings of checks by their names, which win over what the code says.
    ///
    /// A name that is registered for two probes means both. They count for a check that is added
    /// at run time too. A name that is not registered when the health starts is an error, unless it
    /// is that of a check [added later](crate::HealthBuilder::allow_config_for).
    pub checks: BTreeMap<String, CheckConfig>,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            jitter: 0.1,
            jitter_seed: None,
            drain_delay: Duration::from_secs(5),
            drain_cap: Duration::from_secs(20),
            #[cfg(feature = "grpc")]
            max_watches: 16_384,
            version: None,
            release_id: None,
            service_id: None,
            description: None,
            notes: Vec::new(),
            links: BTreeMap::new(),
            checks: BTreeMap::new(),
        }
    }
}

/// The settings of one check; what is `None` is asked of the next in line.
///
/// In line are [`HealthConfig::checks`], the [`Check`](crate::Check) as registered, the
/// [`HealthIndicator`](crate::HealthIndicator) itself, and [`HealthConfig`].
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct CheckConfig {
    /// See [`Check::timeout`](crate::Check::timeout).
    #[cfg_attr(feature = "serde", serde(with = "super::duration::optional"))]
    pub timeout: Option<Duration>,
    /// See [`Check::ttl`](crate::Check::ttl).
    #[cfg_attr(feature = "serde", serde(with = "super::duration::optional"))]
    pub ttl: Option<Duration>,
    /// See [`Check::failing_ttl`](crate::Check::failing_ttl).
    #[cfg_attr(feature = "serde", serde(with = "super::duration::optional"))]
    pub failing_ttl: Option<Duration>,
    /// See [`Check::stale_after`](crate::Check::stale_after).
    #[cfg_attr(feature = "serde", serde(with = "super::duration::optional"))]
    pub stale_after: Option<Duration>,
    /// See [`Check::criticality`](crate::Check::criticality): `critical` or `non_critical`.
    pub criticality: Option<Criticality>,
    /// See [`Check::failure_threshold`](crate::Check::failure_threshold).
    pub failure_threshold: Option<u32>,
    /// See [`Check::success_threshold`](crate::Check::success_threshold).
    pub success_threshold: Option<u32>,
    /// See [`Check::while_probed`](crate::Check::while_probed).
    #[cfg_attr(feature = "serde", serde(with = "super::duration::optional"))]
    pub while_probed: Option<Duration>,
    /// See [`Check::component_id`](crate::Check::component_id).
    pub component_id: Option<String>,
    /// See [`Check::component_type`](crate::Check::component_type).
    pub component_type: Option<ComponentType>,
    /// See [`Check::affected_endpoint`](crate::Check::affected_endpoint).
    pub affected_endpoints: Option<Vec<String>>,
}

impl CheckConfig {
    /// These settings, and those of `other` where these have none.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            timeout: self.timeout.or(other.timeout),
            ttl: self.ttl.or(other.ttl),
            failing_ttl: self.failing_ttl.or(other.failing_ttl),
            stale_after: self.stale_after.or(other.stale_after),
            criticality: self.criticality.or(other.criticality),
            failure_threshold: self.failure_threshold.or(other.failure_threshold),
            success_threshold: self.success_threshold.or(other.success_threshold),
            while_probed: self.while_probed.or(other.while_probed),
            component_id: self.component_id.or(other.component_id),
            component_type: self.component_type.or(other.component_type),
            affected_endpoints: self.affected_endpoints.or(other.affected_endpoints),
        }
    }
}

/// The settings of a [`HealthLayer`](crate::HealthLayer).
///
/// With feature `serde` it deserializes as [`HealthConfig`] does. Who may see details is not among
/// them: that is for the code to say, which knows the listener.
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
    /// Stands in front of every path. Default: nothing.
    pub prefix: String,
    /// The paths that ask for liveness; none turns the probe off. Default: `/livez`.
    pub liveness: Vec<String>,
    /// The paths that ask for readiness; none turns the probe off. Default: `/readyz`.
    pub readiness: Vec<String>,
    /// The paths that ask for startup; none turns the probe off. Default: `/startupz`.
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
