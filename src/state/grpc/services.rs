//! The services that gRPC clients can name, as plain data: standard names, groups of checks, and
//! those that the application sets itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;

use super::pending::PendingCalls;
use super::permits::{Full, Peer, Peers, Permit, Permits};
use crate::model::{Limits, Probe, Status};
use crate::state::{Checks, SharedState, clock};

/// The names that always exist. The empty one means the server as a whole.
const STANDARD: [(&str, Probe); 4] = [
    ("", Probe::Readiness),
    ("liveness", Probe::Liveness),
    ("readiness", Probe::Readiness),
    ("startup", Probe::Startup),
];

/// Health of a gRPC service, as in `grpc.health.v1.HealthCheckResponse.ServingStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServingStatus {
    /// `UNKNOWN`: the service exists, and its health is not known.
    Unknown = 0,
    /// `SERVING`: the service takes calls.
    Serving = 1,
    /// `NOT_SERVING`: the service takes no calls.
    NotServing = 2,
    /// `SERVICE_UNKNOWN`: the service does not exist. Only a `Watch` reports it.
    ServiceUnknown = 3,
}

/// A warning is no reason to send traffic elsewhere.
impl From<Status> for ServingStatus {
    fn from(status: Status) -> Self {
        if status.is_healthy() {
            Self::Serving
        } else {
            Self::NotServing
        }
    }
}

/// Returns whether the name is one of the four that always exist.
pub(crate) fn is_standard_service(name: &str) -> bool {
    STANDARD.iter().any(|(standard, _)| *standard == name)
}

/// Returns the probe that a service stands for; `None` if the application named it.
#[cfg(feature = "metrics")]
pub(in crate::state) fn standard_probe(name: &str) -> Option<Probe> {
    let standard = STANDARD.iter().find(|(standard, _)| *standard == name);
    standard.map(|(_, probe)| *probe)
}

/// Every service name with its status.
pub(in crate::state) type ServiceStatuses = BTreeMap<String, ServingStatus>;

/// The services that the application sets itself, and the permits of calls that strangers hold open.
#[derive(Debug)]
pub(crate) struct Services {
    set_by_hand: ArcSwap<ServiceStatuses>,
    most_set_by_hand: usize,
    pub(crate) peers: Peers,
    watches: Arc<Permits>,
    /// How many of the open watches depend on checks.
    watches_of_checks: AtomicUsize,
    /// The calls whose request has not arrived completely.
    pub(crate) pending_calls: Arc<PendingCalls>,
}

impl Services {
    pub(in crate::state) fn new(limits: &Limits) -> Self {
        Self {
            set_by_hand: ArcSwap::default(),
            most_set_by_hand: limits.services,
            peers: Peers::default(),
            watches: Permits::new(limits.watches, limits.watches_per_peer),
            watches_of_checks: AtomicUsize::new(0),
            pending_calls: PendingCalls::new(limits.pending_calls, limits.pending_calls_per_peer),
        }
    }

    /// Sets the status of a service; `false` if it would be one more than the limit.
    pub(crate) fn set(&self, name: &str, status: ServingStatus) -> bool {
        let mut has_room = true;
        self.set_by_hand.rcu(|services| {
            has_room = services.len() < self.most_set_by_hand || services.contains_key(name);
            if !has_room {
                return Arc::clone(services);
            }
            let mut services = BTreeMap::clone(services);
            services.insert(name.to_owned(), status);
            Arc::new(services)
        });
        has_room
    }

    /// Removes the status that was set for a service.
    pub(crate) fn clear(&self, name: &str) {
        self.set_by_hand.rcu(|services| {
            let mut services = BTreeMap::clone(services);
            services.remove(name);
            services
        });
    }

    /// Returns whether any open watch depends on checks.
    pub(in crate::state) fn are_checks_watched(&self) -> bool {
        self.watches_of_checks.load(Ordering::Relaxed) > 0
    }

    /// Takes a permit for a watch.
    pub(crate) fn open_watch(&self, of_checks: bool, peer: Option<Peer>) -> Result<Permit, Full> {
        let permit = self.watches.take(peer)?;
        if of_checks {
            self.watches_of_checks.fetch_add(1, Ordering::Relaxed);
        }
        Ok(permit)
    }

    /// Ends a watch that [`open_watch`](Self::open_watch) counted. Its permit goes by itself.
    pub(crate) fn close_watch(&self, of_checks: bool) {
        if of_checks {
            self.watches_of_checks.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl SharedState {
    /// Returns the status of a service, and records a probe; `None` if there is no such service.
    pub(crate) fn probe_service(&self, name: &str) -> Option<ServingStatus> {
        self.find_service(name, Self::probe, Self::probe_group)
    }

    /// Returns the status of a service without recording a probe.
    pub(crate) fn service_status(&self, name: &str) -> Option<ServingStatus> {
        self.find_service(name, Self::status, Self::group)
    }

    fn find_service(
        &self,
        name: &str,
        probe: impl FnOnce(&Self, Probe) -> Status,
        group: impl FnOnce(&Self, &str) -> Option<Status>,
    ) -> Option<ServingStatus> {
        if let Some((_, of)) = STANDARD.iter().find(|(standard, _)| *standard == name) {
            return Some(probe(self, *of).into());
        }
        // Evaluated even if a status set by hand overrides it: probing the service must keep its
        // checks running.
        let of_checks = group(self, name);
        match self.services.set_by_hand.load().get(name) {
            Some(status) => Some(self.unless_draining(*status)),
            None => of_checks.map(Into::into),
        }
    }

    /// Returns the status of a group of checks; `None` if there is no such group.
    fn group(&self, name: &str) -> Option<Status> {
        let snapshot = self.snapshot.load();
        snapshot.groups.get(name)?;
        Some(self.readiness_of(&snapshot, clock::now(), Checks::Group(name)))
    }

    /// Returns the status of a group of checks for an outside caller; see [`probe`](Self::probe).
    fn probe_group(&self, name: &str) -> Option<Status> {
        let status = self.group(name)?;
        self.probe(Probe::Readiness);
        Some(status)
    }

    /// Returns whether the status of this service depends on checks.
    pub(crate) fn depends_on_checks(&self, name: &str) -> bool {
        let is_readiness = STANDARD.contains(&(name, Probe::Readiness));
        is_readiness || self.identity.groups.contains_key(name)
    }

    /// Returns the four services that always exist with their statuses.
    pub(crate) fn standard_services(&self) -> ServiceStatuses {
        let status = |(name, probe): (&str, _)| (name.to_owned(), self.status(probe).into());
        STANDARD.into_iter().map(status).collect()
    }

    /// Returns every service with its status.
    pub(crate) fn all_services(&self) -> ServiceStatuses {
        let mut all = self.standard_services();
        let with_status = |name: &String| Some((name.clone(), self.service_status(name)?));
        all.extend(self.identity.groups.keys().filter_map(with_status));
        let set_by_hand = self.services.set_by_hand.load();
        all.extend(set_by_hand.keys().filter_map(with_status));
        all
    }

    /// Shows a serving service as not serving during a drain.
    fn unless_draining(&self, status: ServingStatus) -> ServingStatus {
        match status {
            ServingStatus::Serving if self.lifecycle.is_draining() => ServingStatus::NotServing,
            status => status,
        }
    }
}
