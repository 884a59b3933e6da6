//! The immutable state from which every answer is made.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use bytes::Bytes;

use super::{CheckState, Criticality, Identity, LifecycleView, Probe, Status};

/// Everything that was known of a service at one moment.
///
/// A snapshot never changes. [`Health::snapshot`](crate::Health::snapshot) gives the latest.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) readiness: Vec<Arc<CheckState>>,
    pub(crate) startup: Vec<Arc<CheckState>>,
    pub(crate) lifecycle: LifecycleView,
    pub(crate) identity: Arc<Identity>,
    pub(crate) aggregate: Aggregate,
    /// The same for each group of checks.
    #[cfg_attr(not(feature = "grpc"), expect(dead_code))]
    pub(crate) groups: BTreeMap<String, Aggregate>,
    /// Whether a check runs only while somebody probes.
    pub(crate) counts_probes: bool,
    pub(crate) taken_at: Instant,
    pub(crate) time: SystemTime,
    valid_until: Option<Instant>,
    /// The detailed reports, each made when somebody who may see it first asks.
    rendered: [OnceLock<Bytes>; Probe::EACH.len()],
}

/// Some readiness checks in brief: all that a probe needs of them.
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
            *until = [*until, check.expires_at].into_iter().flatten().min();
        }
        all
    }

    /// The checks of a group. One that is not registered any more counts as failed: nobody knows
    /// how it is.
    fn of_group(members: &[String], checks: &HashMap<&str, &Arc<CheckState>>) -> Self {
        let registered = members.iter().filter_map(|name| checks.get(&**name));
        let mut all = Self::of(registered.copied());
        if members.iter().any(|name| !checks.contains_key(&**name)) {
            all.status = Status::Fail;
        }
        all
    }

    /// The status at this moment: a result that nobody renewed in time counts no longer.
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

fn as_of(checks: Vec<Arc<CheckState>>, now: Instant) -> Vec<Arc<CheckState>> {
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
        (taken_at, time): (Instant, SystemTime),
    ) -> Self {
        let [readiness, startup] = [readiness, startup].map(|checks| as_of(checks, taken_at));
        let expiries = readiness.iter().filter_map(|check| check.expires_at);
        let valid_until = expiries
            .chain(lifecycle.next_deadline())
            .filter(|until| *until > taken_at)
            .min();
        Self {
            counts_probes: readiness
                .iter()
                .any(|check| check.spec.while_probed.is_some()),
            aggregate: Aggregate::of(&readiness),
            groups: groups(&identity, &readiness),
            valid_until,
            readiness,
            startup,
            lifecycle,
            identity,
            taken_at,
            time,
            rendered: Default::default(),
        }
    }

    /// The same checks under another view of the process, as of another moment.
    pub(crate) fn with_lifecycle(
        &self,
        lifecycle: LifecycleView,
        at: (Instant, SystemTime),
    ) -> Self {
        Self::new(
            self.readiness.clone(),
            self.startup.clone(),
            lifecycle,
            Arc::clone(&self.identity),
            at,
        )
    }

    /// The status of a probe when the snapshot was taken.
    pub fn status(&self, probe: Probe) -> Status {
        match probe {
            Probe::Liveness => pass_if(self.lifecycle.is_alive()),
            Probe::Startup => pass_if(self.lifecycle.started),
            Probe::Readiness if self.lifecycle.takes_traffic() => self.aggregate.at(self.taken_at),
            Probe::Readiness => Status::Fail,
        }
    }

    /// The checks of a probe in the order of their registration, as they were when the snapshot was
    /// taken. Liveness has none.
    pub fn checks(&self, probe: Probe) -> impl Iterator<Item = &CheckState> {
        let checks: &[Arc<CheckState>] = match probe {
            Probe::Liveness => &[],
            Probe::Readiness => &self.readiness,
            Probe::Startup => &self.startup,
        };
        checks.iter().map(|check| &**check)
    }

    /// When the snapshot was taken.
    pub fn time(&self) -> SystemTime {
        self.time
    }

    /// Returns the rendered report, which the first caller makes.
    pub(crate) fn rendered(&self, probe: Probe, render: impl FnOnce() -> Bytes) -> Bytes {
        self.rendered[probe as usize].get_or_init(render).clone()
    }

    /// When time alone will change what this snapshot says: a result expires, or a heartbeat is
    /// missed. What has happened already is in it.
    pub(crate) fn valid_until(&self) -> Option<Instant> {
        self.valid_until
    }
}
