//! Which names can be asked, and what each of them means.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;

use crate::config::HealthConfig;
use crate::error::{Named, Problem};
use crate::model::Status;
use crate::probe::Probe;
use crate::published::Published;

/// The names that are always there. The empty one stands for the server as a whole.
pub(crate) const STANDARD: [(&str, Probe); 4] = [
    ("", Probe::Readiness),
    ("liveness", Probe::Liveness),
    ("readiness", Probe::Readiness),
    ("startup", Probe::Startup),
];

/// `grpc.health.v1.HealthCheckResponse.ServingStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServingStatus {
    /// `UNKNOWN`: the service exists, and nothing is known of it.
    Unknown = 0,
    /// `SERVING`.
    Serving = 1,
    /// `NOT_SERVING`.
    NotServing = 2,
    /// `SERVICE_UNKNOWN`: no such service; only a `Watch` says so.
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

/// Whether a service of the user's may have this name.
pub(crate) fn validate_service(name: &str) -> Result<(), Problem> {
    if STANDARD.iter().any(|(standard, _)| *standard == name) {
        return Err(Problem::DuplicateName {
            of: Named::Service,
            name: name.to_owned(),
        });
    }
    Ok(())
}

/// Every name that can be asked, with its status.
pub(crate) type Serving = BTreeMap<String, ServingStatus>;

/// The services that the application switches by itself.
#[derive(Debug)]
pub(crate) struct Services {
    switched: ArcSwap<BTreeMap<String, ServingStatus>>,
    pub(super) open_watches: AtomicUsize,
    /// How many of them are of what checks say.
    pub(super) watches_of_checks: AtomicUsize,
    pub(super) max_watches: usize,
}

impl Services {
    pub(crate) fn new(config: &HealthConfig) -> Self {
        Self {
            switched: ArcSwap::default(),
            open_watches: AtomicUsize::new(0),
            watches_of_checks: AtomicUsize::new(0),
            max_watches: config.max_watches,
        }
    }

    /// Whether a watch is open whose messages depend on checks.
    pub(crate) fn are_checks_watched(&self) -> bool {
        self.watches_of_checks.load(Ordering::Relaxed) > 0
    }

    /// `None` forgets the service.
    pub(crate) fn switch(&self, name: &str, status: Option<ServingStatus>) {
        self.switched.rcu(|switched| {
            let mut switched = BTreeMap::clone(switched);
            match status {
                Some(status) => switched.insert(name.to_owned(), status),
                None => switched.remove(name),
            };
            switched
        });
    }
}

impl Published {
    /// What a service name means to somebody outside who asks now; `None` if there is no such
    /// service.
    pub(super) fn serving(&self, name: &str) -> Option<ServingStatus> {
        self.find(name, Self::probe, Self::probe_group)
    }

    /// The same for a reader of our own, who wakes no check.
    pub(super) fn meaning(&self, name: &str) -> Option<ServingStatus> {
        self.find(name, Self::status, Self::group)
    }

    fn find(
        &self,
        name: &str,
        probe: impl FnOnce(&Self, Probe) -> Status,
        group: impl FnOnce(&Self, &str) -> Option<Status>,
    ) -> Option<ServingStatus> {
        if let Some((_, of)) = STANDARD.iter().find(|(standard, _)| *standard == name) {
            return Some(probe(self, *of).into());
        }
        // Asked also where a switch overrules it: whoever asks keeps its checks awake.
        let of_checks = group(self, name);
        match self.services.switched.load().get(name) {
            Some(status) => Some(self.unless_draining(*status)),
            None => of_checks.map(Into::into),
        }
    }

    /// Whether what this name means depends on checks.
    pub(super) fn is_of_checks(&self, name: &str) -> bool {
        let is_readiness = STANDARD.contains(&(name, Probe::Readiness));
        is_readiness || self.identity.groups.contains_key(name)
    }

    /// Every name that can be asked, with its status.
    pub(crate) fn all_serving(&self) -> Serving {
        let mut all: Serving = STANDARD
            .into_iter()
            .map(|(name, probe)| (name.to_owned(), self.status(probe).into()))
            .collect();
        let named = |name: &String| Some((name.clone(), self.meaning(name)?));
        all.extend(self.identity.groups.keys().filter_map(named));
        all.extend(self.services.switched.load().keys().filter_map(named));
        all
    }

    /// A service that says it is serving does not, while the process is leaving.
    fn unless_draining(&self, status: ServingStatus) -> ServingStatus {
        match status {
            ServingStatus::Serving if self.lifecycle.is_draining() => ServingStatus::NotServing,
            status => status,
        }
    }
}
