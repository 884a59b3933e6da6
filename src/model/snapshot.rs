//! The immutable state that every answer is built from.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

use super::{
    Cause, CheckState, Criticality, Identity, LifecycleView, Moment, Probe, RefresherState, Status,
};

/// Holds the state of every probe and check at one moment.
///
/// A snapshot never changes. [`Health::snapshot`](crate::Health::snapshot) returns the latest.
///
/// ```
/// use tower_health::{Health, Probe, Status};
///
/// let health = Health::fixed(Status::Warn);
/// let snapshot = health.snapshot();
/// health.drain();
/// assert_eq!(snapshot.status(Probe::Readiness), Status::Warn);
/// assert_eq!(health.snapshot().status(Probe::Readiness), Status::Fail);
///
/// for check in snapshot.checks(Probe::Readiness) {
///     assert_eq!((check.name(), check.status()), ("fixed", Status::Warn));
/// }
/// ```
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) readiness: Vec<Arc<CheckState>>,
    pub(crate) startup: Vec<Arc<CheckState>>,
    pub(crate) lifecycle: LifecycleView,
    pub(crate) identity: Arc<Identity>,
    pub(crate) aggregate: Aggregate,
    /// The aggregate of each group of checks.
    pub(crate) groups: BTreeMap<String, Aggregate>,
    /// Whether any check runs only while readiness is probed.
    pub(crate) counts_probes: bool,
    pub(crate) taken_at: Instant,
    pub(crate) time: SystemTime,
    /// The moment as of which results were judged.
    judged_at: Instant,
    /// When the first of the results that have not expired yet does.
    next_expiry: Option<Instant>,
    /// By how much lateness can still move the expiry of every result that has not expired.
    slack: Duration,
    /// The detailed reports, each rendered when the first authorised caller requests it.
    rendered: [OnceLock<Bytes>; Probe::EACH.len()],
}

/// Summarises readiness checks: all that a probe needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aggregate {
    status: Status,
    /// When the first critical check becomes stale, and readiness fails.
    critical_until: Option<Instant>,
    /// When the first non-critical check becomes stale, and readiness warns.
    non_critical_until: Option<Instant>,
}

impl Aggregate {
    fn of<'a>(checks: impl IntoIterator<Item = &'a Arc<CheckState>>) -> Self {
        let mut all = Self {
            status: Status::Pass,
            critical_until: None,
            non_critical_until: None,
        };
        for check in checks {
            all.status = all.status.max(check.status);
            let until = match check.criticality() {
                Criticality::Critical => &mut all.critical_until,
                Criticality::NonCritical => &mut all.non_critical_until,
            };
            let expires_at = check.expiry.map(|expiry| expiry.at());
            *until = [*until, expires_at].into_iter().flatten().min();
        }
        all
    }

    /// Summarises the checks of a group. A check that was removed counts as failed, since its state
    /// is unknown.
    fn of_group(members: &[String], checks: &HashMap<&str, &Arc<CheckState>>) -> Self {
        let registered = members.iter().filter_map(|name| checks.get(&**name));
        let mut all = Self::of(registered.copied());
        if members.iter().any(|name| !checks.contains_key(&**name)) {
            all.status = Status::Fail;
        }
        all
    }

    /// Returns the status as long as no result expires.
    #[inline]
    pub(crate) fn unexpired(&self) -> Status {
        self.status
    }

    /// Returns the status at this moment, when results may have expired.
    #[inline]
    pub(crate) fn at(&self, now: Instant) -> Status {
        let expired = |until: Option<Instant>| until.is_some_and(|until| until <= now);
        if expired(self.critical_until) {
            Status::Fail
        } else if expired(self.non_critical_until) {
            self.status.max(Status::Warn)
        } else {
            self.status
        }
    }
}

fn groups(identity: &Identity, readiness: &[Arc<CheckState>]) -> BTreeMap<String, Aggregate> {
    if identity.groups.is_empty() {
        return BTreeMap::new();
    }
    let checks = readiness.iter().map(|check| (check.name(), check));
    let checks: HashMap<_, _> = checks.collect();
    let group = |(name, members): (&String, &Vec<String>)| {
        (name.clone(), Aggregate::of_group(members, &checks))
    };
    identity.groups.iter().map(group).collect()
}

fn as_of(checks: Vec<Arc<CheckState>>, now: Moment) -> Vec<Arc<CheckState>> {
    checks.into_iter().map(|check| check.as_of(now)).collect()
}

pub(crate) fn pass_if(healthy: bool) -> Status {
    if healthy { Status::Pass } else { Status::Fail }
}

impl Snapshot {
    pub(crate) fn new(
        readiness: Vec<Arc<CheckState>>,
        startup: Vec<Arc<CheckState>>,
        lifecycle: LifecycleView,
        identity: Arc<Identity>,
        now: Moment,
    ) -> Self {
        let [readiness, startup] = [readiness, startup].map(|checks| as_of(checks, now));
        let expiries = readiness.iter().filter_map(|check| check.expiry);
        let next_expiry = expiries
            .map(|expiry| expiry.at())
            .filter(|expires_at| *expires_at > now.judged_at)
            .min();
        // A result that has expired does not move any more, and must not limit the others.
        let slack = |check: &Arc<CheckState>| {
            let expiry = check.expiry.filter(|_| !check.is_stale)?;
            Some(expiry.slack(check.spec.limits.lateness))
        };
        let slack = readiness.iter().filter_map(slack).min();
        Self {
            counts_probes: readiness
                .iter()
                .any(|check| check.spec.while_probed.is_some()),
            aggregate: Aggregate::of(&readiness),
            groups: groups(&identity, &readiness),
            judged_at: now.judged_at,
            next_expiry,
            slack: slack.unwrap_or_default(),
            readiness,
            startup,
            lifecycle,
            identity,
            taken_at: now.at,
            time: now.time,
            rendered: Default::default(),
        }
    }

    /// Returns a snapshot of the same checks with another lifecycle, at another moment.
    pub(crate) fn with_lifecycle(&self, lifecycle: LifecycleView, now: Moment) -> Self {
        Self::new(
            self.readiness.clone(),
            self.startup.clone(),
            lifecycle,
            Arc::clone(&self.identity),
            now,
        )
    }

    /// Returns the status of a probe when the snapshot was taken.
    pub fn status(&self, probe: Probe) -> Status {
        match probe {
            Probe::Liveness => pass_if(self.lifecycle.is_alive()),
            Probe::Startup => pass_if(self.lifecycle.started),
            Probe::Readiness if self.lifecycle.takes_traffic() => self.aggregate.at(self.judged_at),
            Probe::Readiness => Status::Fail,
        }
    }

    /// Returns why a probe does not pass, in one word: the gravest cause among the checks that give
    /// it its status. It is `None` if the probe passes, or if the lifecycle is the reason.
    pub fn cause(&self, probe: Probe) -> Option<Cause> {
        let status = self.status(probe);
        if probe == Probe::Readiness && !self.lifecycle.takes_traffic() {
            return None;
        }
        let checks = self.checks(probe).filter(|check| check.status == status);
        checks.filter_map(CheckState::cause).max()
    }

    /// Returns whether the refresher works.
    pub fn refresher(&self) -> RefresherState {
        self.lifecycle.refresher.state
    }

    /// Returns the checks of a probe in the order of their registration. Liveness has none.
    pub fn checks(&self, probe: Probe) -> impl Iterator<Item = &CheckState> {
        let checks: &[Arc<CheckState>] = match probe {
            Probe::Liveness => &[],
            Probe::Readiness => &self.readiness,
            Probe::Startup => &self.startup,
        };
        checks.iter().map(|check| &**check)
    }

    /// Returns whether the process drains.
    pub fn is_draining(&self) -> bool {
        self.lifecycle.draining_since.is_some()
    }

    /// Returns when the drain began; `None` if the process does not drain.
    ///
    /// [`HealthConfig::drain_delay`](crate::HealthConfig::drain_delay) counts from then.
    pub fn draining_since(&self) -> Option<SystemTime> {
        let since = self.lifecycle.draining_since?;
        let ago = self.taken_at.saturating_duration_since(since);
        Some(self.time.checked_sub(ago).unwrap_or(self.time))
    }

    /// Returns when the health was started.
    pub fn started(&self) -> SystemTime {
        self.identity.started_time
    }

    /// Returns how long the health had run when the snapshot was taken.
    pub fn uptime(&self) -> Duration {
        let started = self.identity.started_at;
        self.taken_at.saturating_duration_since(started)
    }

    /// Returns the environment that the process runs in, if it was
    /// [set](crate::HealthBuilder::environment).
    pub fn environment(&self) -> Option<&str> {
        self.identity.environment.as_deref()
    }

    /// Returns when the snapshot was taken.
    pub fn time(&self) -> SystemTime {
        self.time
    }

    /// Returns the rendered report. Once it is rendered, all callers share it.
    pub(crate) fn rendered(&self, probe: Probe, render: impl FnOnce() -> Bytes) -> Bytes {
        let shared = &self.rendered[probe as usize];
        if let Some(bytes) = shared.get() {
            return bytes.clone();
        }
        // Not in `get_or_init`: the format can be one of the application's. Other callers would
        // block their threads while it runs, and one that asks for a report itself would deadlock.
        let bytes = render();
        shared.get_or_init(|| bytes).clone()
    }

    /// Returns when the next result expires, which changes the state without any other event.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.next_expiry
    }

    /// Returns by how much lateness can still move the expiry of every result that has not expired.
    pub(crate) fn slack(&self) -> Duration {
        self.slack
    }
}
