//! A registered check: its resolved settings, and its state in a snapshot.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::redaction::shorten;
use super::time::LONGEST;
use super::{Cause, Deadline, Limits, Moment, Reading, RunStats, Status, rfc3339};

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

/// Decides what happens to a run that exceeds its timeout. Either way the check fails at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum OnTimeout {
    /// The run is aborted: it is dropped where it waits. The next run starts once it is gone. This
    /// is the default.
    #[default]
    Abort,
    /// The run goes on to its end, and its result is ignored. The check meanwhile runs again.
    ///
    /// It is for clients whose futures must be polled to their end, such as MongoDB's driver.
    /// [`Limits::detached_runs`](crate::Limits::detached_runs) bounds how many runs of a check are
    /// detached at once, and [`CheckState::detached_runs`] counts them. When a further run is due at
    /// the limit, the check fails and the oldest of them is aborted, so that the check can pass
    /// again. All are aborted when the check is removed or the last [`Health`](crate::Health) is
    /// dropped.
    Detach,
}

/// Classifies what a check checks: `componentType` of the draft, section 4.2.
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

/// Returns the longest interval that jitter can produce: one and a half of this one.
pub(crate) fn longest(interval: Duration) -> Duration {
    interval + interval / 2
}

/// Holds the resolved settings of a check.
#[derive(Clone, Debug)]
pub(crate) struct CheckSpec {
    /// Another one for each registration.
    pub(crate) registration: u64,
    pub(crate) name: String,
    pub(crate) criticality: Criticality,
    pub(crate) component_id: Option<String>,
    pub(crate) component_type: Option<ComponentType>,
    pub(crate) affected_endpoints: Vec<String>,
    /// URIs by link relation.
    pub(crate) links: BTreeMap<String, String>,
    pub(crate) timeout: Duration,
    /// The part of the timeout after which a run is slow; 1 if none is.
    pub(crate) slow_at: f64,
    pub(crate) ttl: Duration,
    pub(crate) failing_ttl: Duration,
    /// At most the TTL, so that no result expires for want of a run.
    pub(crate) suspect_ttl: Duration,
    /// `None` unless it was set: it then follows from the interval in use.
    pub(crate) stale_after: Option<Duration>,
    pub(crate) failure_threshold: u32,
    pub(crate) success_threshold: u32,
    /// `Some` for a check that runs only if readiness was probed within this time.
    pub(crate) while_probed: Option<Duration>,
    pub(crate) on_timeout: OnTimeout,
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
    /// Default: three intervals, or longer if a single run that takes its whole timeout needs it. A
    /// time that was set counts from the start of a run that is as slow as the slowest so far:
    /// otherwise a slow check that always passes would flap.
    pub(crate) fn stale_after(&self, interval: Duration, slowest: Duration) -> Duration {
        match self.stale_after {
            Some(stale_after) => stale_after + slowest,
            None => {
                let one_slow_run = longest(interval) + self.timeout + Duration::from_secs(1);
                (interval * 3).max(one_slow_run)
            }
        }
    }

    /// Returns after how much of its timeout a run is slow; `None` if no run is.
    pub(crate) fn slow_after(&self) -> Option<Duration> {
        (self.slow_at < 1.0).then(|| self.timeout.mul_f64(self.slow_at))
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
    pub(crate) cause: Option<Cause>,
    pub(crate) output: Option<String>,
    pub(crate) readings: Arc<[Reading]>,
    pub(crate) last_run: Option<LastRun>,
    /// `Some` while the latest results contradict the status but are too few to change it.
    pub(crate) contradiction: Option<String>,
    /// `None` if the result never expires, since the check will not run again.
    pub(crate) expiry: Option<Deadline>,
    /// Set only in a snapshot; the refresher keeps the result of the last run unchanged.
    pub(crate) is_stale: bool,
    pub(crate) detached_runs: usize,
    /// When the status last changed, by the latest results; `None` before the first result.
    pub(crate) since: Option<SystemTime>,
    pub(crate) last_pass: Option<SystemTime>,
    pub(crate) stats: RunStats,
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
            cause: None,
            output: Some("not checked yet".to_owned()),
            readings: Arc::default(),
            last_run: None,
            contradiction: None,
            expiry: None,
            is_stale: false,
            detached_runs: 0,
            since: None,
            last_pass: None,
            stats: RunStats::default(),
        }
    }

    /// Creates the state of a check that never runs.
    pub(crate) fn fixed(status: Status) -> Self {
        let spec = CheckSpec {
            registration: 0,
            name: "fixed".to_owned(),
            criticality: Criticality::Critical,
            component_id: None,
            component_type: None,
            affected_endpoints: Vec::new(),
            links: BTreeMap::new(),
            timeout: LONGEST,
            slow_at: 1.0,
            ttl: LONGEST,
            failing_ttl: LONGEST,
            suspect_ttl: LONGEST,
            stale_after: None,
            failure_threshold: 1,
            success_threshold: 1,
            while_probed: None,
            on_timeout: OnTimeout::Abort,
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

    /// Returns a number that no other registration of a check in this process has.
    ///
    /// A check that is removed and added again has another one, and its [counters](Self::stats) begin
    /// anew. They alone do not show that once they have passed their former values.
    pub fn registration(&self) -> u64 {
        self.spec.registration
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

    /// Returns why the check does not pass, in one word.
    ///
    /// It is `None` if the check passes, has not run yet, or if its run warned.
    pub fn cause(&self) -> Option<Cause> {
        self.cause
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
    /// [`cause`](Self::cause) tells whether the check is to blame for that or the refresher, which
    /// was late. A check is to blame when it hangs or waits for a
    /// [probe](crate::Check::while_probed).
    pub fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// Returns how many runs exceeded their timeout and still go on, because the check
    /// [detaches](crate::OnTimeout::Detach) them.
    pub fn detached_runs(&self) -> usize {
        self.detached_runs
    }

    /// Returns since when the check has had its status; `None` before the first result.
    ///
    /// A status that the check only has because its result is [stale](Self::is_stale) does not count.
    pub fn since(&self) -> Option<SystemTime> {
        self.since
    }

    /// Returns when a run last passed, perhaps with a warning; `None` if none ever did.
    pub fn last_pass(&self) -> Option<SystemTime> {
        self.last_pass
    }

    /// Returns counters of the runs and of the changes of status.
    pub fn stats(&self) -> &RunStats {
        &self.stats
    }

    /// Returns how the latest results contradict the status while they are too few to change it, such
    /// as `failed 1 of 3 times: refused`.
    pub fn contradiction(&self) -> Option<&str> {
        self.contradiction.as_deref()
    }

    /// Returns what the check checks: `componentType` of the draft.
    pub fn component_type(&self) -> Option<&ComponentType> {
        self.spec.component_type.as_ref()
    }

    /// Returns what does not work while the check does not pass: `affectedEndpoints` of the draft.
    pub fn affected_endpoints(&self) -> &[String] {
        &self.spec.affected_endpoints
    }

    /// Returns the links about the check, such as its runbook: link relations with URIs.
    pub fn links(&self) -> impl Iterator<Item = (&str, &str)> {
        let links = self.spec.links.iter();
        links.map(|(relation, uri)| (relation.as_str(), uri.as_str()))
    }

    /// Returns how long a run may take.
    pub fn timeout(&self) -> Duration {
        self.spec.timeout
    }

    /// Returns the state at a later moment, when the result may have expired.
    pub(super) fn as_of(self: Arc<Self>, now: Moment) -> Arc<Self> {
        let Some(expiry) = self
            .expiry
            .filter(|expiry| expiry.has_passed(now.judged_at))
        else {
            return self;
        };
        if self.is_stale {
            return self;
        }
        let cause = if expiry.would_lie_ahead(now.at, now.overdue) {
            Cause::Starved
        } else {
            Cause::Stale
        };
        Arc::new(Self {
            status: self.status.max(self.spec.failure_status()),
            cause: Some(cause),
            output: Some(self.stale_output(cause)),
            is_stale: true,
            ..Self::clone(&self)
        })
    }

    /// Returns the output of a stale check, which distinguishes it from one that failed. The reason
    /// of a check that failed before it became stale is kept.
    fn stale_output(&self, cause: Cause) -> String {
        let mut stale = match self.time().and_then(rfc3339) {
            Some(time) => format!("{cause}: the last run ended at {time}"),
            None => cause.to_string(),
        };
        if let Some(reason) = &self.output {
            stale.push_str(": ");
            stale.push_str(reason);
        }
        shorten(stale, self.spec.limits.text_bytes)
    }
}
