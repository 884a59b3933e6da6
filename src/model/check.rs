//! A registered check: its resolved settings, and its state in a snapshot.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::redaction::shorten;
use super::{Limits, Reading, Status, rfc3339};

/// Decides whether the failure of a check fails its probe.
///
/// The refresher applies it after each run: an indicator cannot override it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Criticality {
    /// A failure fails the probe. This is the default.
    ///
    /// Think twice before you make a dependency critical if the whole fleet shares it: when it
    /// fails, every instance leaves the load balancer at once.
    #[default]
    Critical,
    /// A failure counts as [`Status::Warn`]: the probe keeps answering 200.
    NonCritical,
}

/// Classifies what a check checks: `componentType` of the draft, section 4.4.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(from = "String"))]
#[non_exhaustive]
pub enum ComponentType {
    /// A part of the service, or another service: `component`.
    Component,
    /// A database, cache or file store: `datastore`.
    Datastore,
    /// The machine or the process: `system`.
    System,
    /// Any other term, or a URI that identifies one.
    Other(Cow<'static, str>),
}

impl ComponentType {
    /// Returns the term that the report shows.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Component => "component",
            Self::Datastore => "datastore",
            Self::System => "system",
            Self::Other(term) => term,
        }
    }
}

impl fmt::Display for ComponentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<String> for ComponentType {
    fn from(term: String) -> Self {
        match &*term {
            "component" => Self::Component,
            "datastore" => Self::Datastore,
            "system" => Self::System,
            _ => Self::Other(Cow::Owned(term)),
        }
    }
}

/// The longest duration of a setting, so that sums and multiples of durations cannot overflow.
pub(crate) const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Returns the longest interval that jitter can produce: one and a half of this one.
pub(crate) fn longest(interval: Duration) -> Duration {
    interval + interval / 2
}

/// Holds the resolved settings of a check.
#[derive(Clone, Debug)]
pub(crate) struct CheckSpec {
    pub(crate) name: String,
    pub(crate) criticality: Criticality,
    pub(crate) component_id: Option<String>,
    pub(crate) component_type: Option<ComponentType>,
    pub(crate) affected_endpoints: Vec<String>,
    pub(crate) timeout: Duration,
    pub(crate) ttl: Duration,
    pub(crate) failing_ttl: Duration,
    /// `None` unless it was set: it then follows from the interval in use.
    pub(crate) stale_after: Option<Duration>,
    pub(crate) failure_threshold: u32,
    pub(crate) success_threshold: u32,
    /// `Some` for a check that runs only if readiness was probed within this time.
    pub(crate) while_probed: Option<Duration>,
    /// The limits of the health, the same for each of its checks.
    pub(crate) limits: Limits,
}

impl CheckSpec {
    /// Returns the time between two runs, which depends on whether the check is up.
    pub(crate) fn interval(&self, up: bool) -> Duration {
        if up { self.ttl } else { self.failing_ttl }
    }

    /// Returns how long a result stays valid.
    ///
    /// Default: three intervals, or longer if a single run that takes its whole timeout needs it.
    pub(crate) fn stale_after(&self, interval: Duration) -> Duration {
        self.stale_after.unwrap_or_else(|| {
            let one_slow_run = longest(interval) + self.timeout + Duration::from_secs(1);
            (interval * 3).max(one_slow_run)
        })
    }

    /// Returns the status of this check when it fails.
    pub(crate) fn failure_status(&self) -> Status {
        match self.criticality {
            Criticality::Critical => Status::Fail,
            Criticality::NonCritical => Status::Warn,
        }
    }
}

/// Holds the state of one check at the moment when its snapshot was taken.
///
/// A check that was [stale](Self::is_stale) at that moment never passes. The state does not change
/// later: call [`Health::snapshot`](crate::Health::snapshot) again for the present state.
#[derive(Clone, Debug)]
pub struct CheckState {
    pub(crate) spec: Arc<CheckSpec>,
    pub(crate) status: Status,
    pub(crate) output: Option<String>,
    pub(crate) readings: Vec<Reading>,
    pub(crate) last_run: Option<LastRun>,
    /// `Some` while the latest results contradict the status but are too few to change it.
    pub(crate) contradiction: Option<String>,
    /// `None` if the result never expires, since the check will not run again.
    pub(crate) expires_at: Option<Instant>,
    /// Set only in a snapshot; the refresher keeps the result of the last run unchanged.
    pub(crate) is_stale: bool,
}

/// Holds when the latest run of a check ended, and how long it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastRun {
    pub(crate) time: SystemTime,
    pub(crate) duration: Duration,
}

impl CheckState {
    /// Creates the state of a check that has not run yet.
    ///
    /// It counts as failed; `status` depends on the probe and the criticality.
    pub(crate) fn unchecked(spec: Arc<CheckSpec>, status: Status) -> Self {
        Self {
            status,
            spec,
            output: Some("not checked yet".to_owned()),
            readings: Vec::new(),
            last_run: None,
            contradiction: None,
            expires_at: None,
            is_stale: false,
        }
    }

    /// Creates the state of a check that never runs.
    pub(crate) fn fixed(status: Status) -> Self {
        let spec = CheckSpec {
            name: "fixed".to_owned(),
            criticality: Criticality::Critical,
            component_id: None,
            component_type: None,
            affected_endpoints: Vec::new(),
            timeout: LONGEST,
            ttl: LONGEST,
            failing_ttl: LONGEST,
            stale_after: None,
            failure_threshold: 1,
            success_threshold: 1,
            while_probed: None,
            limits: Limits::default(),
        };
        Self {
            output: None,
            ..Self::unchecked(Arc::new(spec), status)
        }
    }

    /// Returns the name of the check.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Returns the status after thresholds and criticality.
    ///
    /// A stale check fails if it is critical. Otherwise it warns, or keeps a worse status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Returns whether a failure of the check fails the probe.
    pub fn criticality(&self) -> Criticality {
        self.spec.criticality
    }

    /// Returns why the check does not pass, redacted and cut; `None` if it passes.
    ///
    /// [`Limits::text_bytes`](crate::Limits::text_bytes) bounds its length.
    pub fn output(&self) -> Option<&str> {
        self.output.as_deref()
    }

    /// Returns the values that the last run read.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// Returns when the last run ended; `None` before the first result.
    pub fn time(&self) -> Option<SystemTime> {
        self.last_run.map(|run| run.time)
    }

    /// Returns how long the last run took; `None` before the first result.
    pub fn duration(&self) -> Option<Duration> {
        self.last_run.map(|run| run.duration)
    }

    /// Returns whether the result is older than [`stale_after`](crate::Check::stale_after).
    ///
    /// A result becomes stale when the check hangs, when it waits for a
    /// [probe](crate::Check::while_probed), or when its refresher has ended.
    pub fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// Returns the state at a later moment, when the result may have expired.
    pub(super) fn as_of(self: Arc<Self>, now: Instant) -> Arc<Self> {
        let has_expired = self.expires_at.is_some_and(|expires_at| expires_at <= now);
        if self.is_stale || !has_expired {
            return self;
        }
        Arc::new(Self {
            status: self.status.max(self.spec.failure_status()),
            output: Some(self.stale_output()),
            is_stale: true,
            ..Self::clone(&self)
        })
    }

    /// Returns the output of a stale check, which distinguishes it from one that failed. The reason
    /// of a check that failed before it became stale is kept.
    fn stale_output(&self) -> String {
        let mut stale = match self.time().and_then(rfc3339) {
            Some(time) => format!("stale: the last run ended at {time}"),
            None => "stale".to_owned(),
        };
        if let Some(reason) = &self.output {
            stale.push_str(": ");
            stale.push_str(reason);
        }
        shorten(stale, self.spec.limits.text_bytes)
    }
}
