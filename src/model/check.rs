//! A registered check: its settings once resolved, and what the snapshot shows of it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::{Reading, Status, rfc3339};

/// Whether the failure of a check fails its probe.
///
/// The crate enforces it after the run, so that a check cannot fail more than it was registered
/// for.
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
    /// Think twice before you make a dependency critical that the whole fleet shares: when it
    /// fails, every instance leaves the load balancer at once.
    #[default]
    Critical,
    /// A failure is shown as [`Status::Warn`], and the probe goes on answering 200.
    NonCritical,
}

/// What sort of thing a check looks at: `componentType` of the draft, section 4.4.
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
    /// Returns the word that the report shows.
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

/// No setting is longer than this, so that sums and multiples of durations cannot overflow.
pub(crate) const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The longest that jitter makes of an interval: half of it more.
pub(crate) fn longest(interval: Duration) -> Duration {
    interval + interval / 2
}

/// The settings of a check after everything that can set them was asked.
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
    /// `Some` when it was set; otherwise it follows from the interval in use.
    pub(crate) stale_after: Option<Duration>,
    pub(crate) failure_threshold: u32,
    pub(crate) success_threshold: u32,
    /// `Some` for a check that runs only while readiness was probed within this time.
    pub(crate) while_probed: Option<Duration>,
}

impl CheckSpec {
    /// The time between two runs while the check is up, or while it is down.
    pub(crate) fn interval(&self, up: bool) -> Duration {
        if up { self.ttl } else { self.failing_ttl }
    }

    /// How long a result may stand: by default three intervals, but never so short that a single
    /// run which takes its whole timeout would outlast it.
    pub(crate) fn stale_after(&self, interval: Duration) -> Duration {
        self.stale_after.unwrap_or_else(|| {
            let one_slow_run = longest(interval) + self.timeout + Duration::from_secs(1);
            (interval * 3).max(one_slow_run)
        })
    }

    /// What a failure of this check does to its probe.
    pub(crate) fn failure_status(&self) -> Status {
        match self.criticality {
            Criticality::Critical => Status::Fail,
            Criticality::NonCritical => Status::Warn,
        }
    }
}

/// What a snapshot knows of one check, as of the moment when the snapshot was taken.
///
/// A result that was [stale](Self::is_stale) by then is never shown as passing. A snapshot that is
/// kept goes on saying what was so when it was taken: ask
/// [`Health::snapshot`](crate::Health::snapshot) again for what is so now.
#[derive(Clone, Debug)]
pub struct CheckState {
    pub(crate) spec: Arc<CheckSpec>,
    pub(crate) status: Status,
    pub(crate) output: Option<String>,
    pub(crate) readings: Vec<Reading>,
    pub(crate) last_run: Option<LastRun>,
    /// `Some` while the latest results contradict the status, but are too few to change it.
    pub(crate) contradiction: Option<String>,
    /// `None` for a check that will not run again: its result stands.
    pub(crate) expires_at: Option<Instant>,
    /// Only in a snapshot: what the refresher keeps says what the last run came to.
    pub(crate) is_stale: bool,
}

/// When the latest run of a check ended and how long it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastRun {
    pub(crate) time: SystemTime,
    pub(crate) duration: Duration,
}

impl CheckState {
    /// A check that has not run yet counts as failed, and says so. What that does to its probe is
    /// `status`.
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

    /// A check that never runs, of this status.
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
        };
        Self {
            output: None,
            ..Self::unchecked(Arc::new(spec), status)
        }
    }

    /// The name under which it was registered.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The status after thresholds and criticality. A stale check fails if it is critical, and else
    /// warns, unless it was worse already.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Whether its failure fails the probe.
    pub fn criticality(&self) -> Criticality {
        self.spec.criticality
    }

    /// Why it does not pass: redacted, and at most 4 KiB.
    pub fn output(&self) -> Option<&str> {
        self.output.as_deref()
    }

    /// What the last run read.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// When the last run ended; `None` before the first has.
    pub fn time(&self) -> Option<SystemTime> {
        self.last_run.map(|run| run.time)
    }

    /// How long the last run took; `None` before the first has ended.
    pub fn duration(&self) -> Option<Duration> {
        self.last_run.map(|run| run.duration)
    }

    /// Whether nobody renewed its result in time: it has not run for
    /// [`stale_after`](crate::Check::stale_after), because it hangs, waits for somebody to probe,
    /// or has lost its refresher.
    pub fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// The same as of a later moment, when its result may count no longer.
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

    /// The text that tells a stale check from one that failed.
    fn stale_output(&self) -> String {
        match self.time().and_then(rfc3339) {
            Some(time) => format!("stale: the last run ended at {time}"),
            None => "stale".to_owned(),
        }
    }
}
