//! The state that probes are answered from: the latest snapshot and the lifecycle of the process.
//!
//! The layer, gRPC and the application read it through [`SharedState`], without a lock. The
//! refresher holds the only [`Publisher`] of snapshots; the handles in `crate::lifecycle` write the
//! lifecycle.

pub(crate) mod clock;
mod expired_look;
mod format;
#[cfg(feature = "grpc")]
mod grpc;
mod history;
mod last_probe;
mod lifecycle;
#[cfg(feature = "metrics")]
mod probe_requests;
mod publisher;
mod race;
mod statuses;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::watch;

pub(crate) use self::expired_look::ExpiredLook;
use self::expired_look::FirstExpiredLooks;
pub(crate) use self::format::{Format, HEALTH_JSON};
#[cfg(feature = "grpc")]
pub use self::grpc::ServingStatus;
#[cfg(feature = "grpc")]
pub(crate) use self::grpc::{Full, Peer, Peers, PendingPermit, Permit, is_standard_service, timer};
#[cfg(feature = "grpc")]
use self::grpc::{ServiceStatuses, Services};
use self::history::History;
pub use self::history::{HistoryReader, RunHistory};
use self::last_probe::LastProbe;
#[cfg(feature = "signal")]
pub(crate) use self::lifecycle::Shutdown;
pub(crate) use self::lifecycle::{GateCell, HeartbeatCell, LifecycleState, NOTICEABLE, Stage};
#[cfg(feature = "metrics")]
use self::probe_requests::ProbeCounters;
#[cfg(feature = "metrics")]
pub use self::probe_requests::ProbeRequests;
pub(crate) use self::publisher::Publisher;
pub(crate) use self::race::race;
pub(crate) use self::statuses::Statuses;
use crate::model::{
    Aggregate, HealthConfig, Identity, Limits, Moment, Probe, RefresherState, Snapshot, Status,
    pass_if,
};

/// The state of one health. Every handle, layer and service shares it.
#[derive(Debug)]
pub(crate) struct SharedState {
    pub(crate) lifecycle: Arc<LifecycleState>,
    snapshot: ArcSwap<Snapshot>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) format: Format,
    pub(crate) limits: Limits,
    #[cfg(feature = "grpc")]
    pub(crate) services: Services,
    last_probe: LastProbe,
    expired_looks: FirstExpiredLooks,
    restarts: AtomicU64,
    missed_by_listeners: AtomicU64,
    missed_by_log: AtomicU64,
    /// Empty unless probes are counted.
    #[cfg(feature = "metrics")]
    probe_counters: std::sync::OnceLock<ProbeCounters>,
    pub(crate) history: Arc<History>,
    #[cfg(feature = "grpc")]
    statuses: watch::Receiver<Statuses>,
    publications: watch::Receiver<()>,
}

/// The checks that a caller asks about.
#[derive(Clone, Copy)]
enum Checks<'a> {
    All,
    /// Those of a group, by its name. The groups of a health never change.
    #[cfg_attr(not(feature = "grpc"), expect(dead_code))]
    Group(&'a str),
}

impl Checks<'_> {
    #[inline]
    fn of(self, snapshot: &Snapshot) -> &Aggregate {
        match self {
            Self::All => &snapshot.aggregate,
            Self::Group(name) => snapshot.groups.get(name).unwrap_or(&snapshot.aggregate),
        }
    }
}

impl SharedState {
    /// Creates the state and its only publisher.
    #[cfg_attr(not(feature = "grpc"), expect(unused_variables))]
    pub(crate) fn new(
        lifecycle: LifecycleState,
        snapshot: Snapshot,
        format: Format,
        epoch: Instant,
        config: &HealthConfig,
    ) -> (Arc<Self>, Publisher) {
        // A placeholder: the publisher computes the statuses from the finished state.
        let unknown = Statuses {
            probes: [Status::Fail; Probe::EACH.len()],
            #[cfg(feature = "grpc")]
            services: ServiceStatuses::new(),
        };
        let (statuses, latest_statuses) = watch::channel(unknown);
        let (publications, latest_publication) = watch::channel(());
        let state = Arc::new(Self {
            lifecycle: Arc::new(lifecycle),
            identity: Arc::clone(&snapshot.identity),
            snapshot: ArcSwap::from_pointee(snapshot),
            format,
            limits: config.limits,
            #[cfg(feature = "grpc")]
            services: Services::new(&config.limits),
            last_probe: LastProbe::new(epoch),
            expired_looks: FirstExpiredLooks::default(),
            restarts: AtomicU64::new(0),
            missed_by_listeners: AtomicU64::new(0),
            missed_by_log: AtomicU64::new(0),
            #[cfg(feature = "metrics")]
            probe_counters: std::sync::OnceLock::new(),
            history: Arc::new(History::new(&config.limits)),
            #[cfg(feature = "grpc")]
            statuses: latest_statuses,
            publications: latest_publication,
        });
        let publisher = Publisher::new(Arc::clone(&state), statuses, publications);
        (state, publisher)
    }

    /// Returns the status of a probe at this moment, in time that does not depend on the number of
    /// checks.
    ///
    /// The lifecycle comes first: no snapshot, however late, overrides it.
    #[inline]
    pub(crate) fn status(&self, probe: Probe) -> Status {
        match probe {
            Probe::Liveness => pass_if(self.lifecycle.is_alive()),
            Probe::Startup => pass_if(self.lifecycle.has_started()),
            Probe::Readiness => self.readiness_of(&self.snapshot.load(), clock::now(), Checks::All),
        }
    }

    /// Returns the status of a probe for an outside caller, and records the probe for checks that
    /// run only while they are probed.
    #[inline]
    pub(crate) fn probe(&self, probe: Probe) -> Status {
        if probe != Probe::Readiness {
            return self.status(probe);
        }
        let (snapshot, now) = (self.snapshot.load(), clock::now());
        if snapshot.counts_probes {
            self.last_probe.note(now);
        }
        self.readiness_of(&snapshot, now, Checks::All)
    }

    #[inline]
    fn readiness_of(&self, snapshot: &Snapshot, now: Instant, checks: Checks<'_>) -> Status {
        if !self.lifecycle.takes_traffic() {
            return Status::Fail;
        }
        let of = checks.of(snapshot);
        let status = of.at(now);
        if status == of.unexpired() {
            status
        } else {
            self.expired_readiness(checks)
        }
    }

    /// Looks again at results that have expired. The process may have been paused since the snapshot
    /// was loaded, and the refresher may have come since or be about to.
    #[cold]
    fn expired_readiness(&self, checks: Checks<'_>) -> Status {
        let snapshot = self.snapshot.load_full();
        let now = clock::now();
        let of = checks.of(&snapshot);
        let judged_at = self.judged_at(&snapshot, now);
        let status = of.at(judged_at);
        if status != of.unexpired() {
            self.expired_looks.note(ExpiredLook {
                snapshot,
                at: now,
                judged_at,
            });
        }
        status
    }

    /// Returns the moment as of which the results of a snapshot are judged: earlier than now while
    /// the process may only just have been resumed.
    fn judged_at(&self, snapshot: &Snapshot, now: Instant) -> Instant {
        now - self.lifecycle.refresher.forgiven(now).min(snapshot.slack())
    }

    /// Records a readiness probe.
    pub(crate) fn note_probe(&self, now: Instant) {
        self.last_probe.note(now);
    }

    /// Returns whether readiness was probed within this time, to the second, or is being watched.
    pub(crate) fn probed_within(&self, window: Duration, now: Instant) -> bool {
        #[cfg(feature = "grpc")]
        if self.services.are_checks_watched() {
            return true;
        }
        self.last_probe.is_within(window, now)
    }

    /// Returns the latest snapshot, or one made for this moment if the latest is out of date because
    /// the refresher is behind or has ended.
    pub(crate) fn current(&self) -> Arc<Snapshot> {
        let now = clock::now();
        let latest = self.snapshot.load_full();
        let has_expired = |expiry: Instant| expiry <= now && expiry <= self.judged_at(&latest, now);
        let heartbeats_at = self.lifecycle.judged_at(now);
        if !latest.next_expiry().is_some_and(has_expired)
            && !self
                .lifecycle
                .has_changed_since(&latest.lifecycle, heartbeats_at)
        {
            return latest;
        }
        let moment = Moment {
            at: now,
            time: clock::wall(),
            judged_at: self.judged_at(&latest, now),
            overdue: self.lifecycle.refresher.unnoticed_lateness(now),
        };
        let lifecycle = self.lifecycle.view(now, heartbeats_at);
        Arc::new(latest.with_lifecycle(lifecycle, moment))
    }

    /// Returns whether the latest snapshot is out of date, for the refresher, which forgives nothing:
    /// a result or the deadline of a heartbeat has expired, or the lifecycle has changed.
    pub(crate) fn needs_snapshot(&self, now: Instant) -> bool {
        let snapshot = self.snapshot.load();
        snapshot.next_expiry().is_some_and(|expiry| expiry <= now)
            || self.lifecycle.has_changed_since(&snapshot.lifecycle, now)
    }

    /// Returns when the next result of the latest snapshot expires.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.snapshot.load().next_expiry()
    }

    /// Returns whether a probe failed or warned only because a result had expired.
    pub(crate) fn has_expired_look(&self) -> bool {
        self.expired_looks.is_noted()
    }

    /// Returns what probes saw first of each status, of those that failed or warned since the last call
    /// only because a result had expired.
    pub(crate) fn take_expired_looks(&self) -> impl Iterator<Item = Arc<ExpiredLook>> + use<> {
        self.expired_looks.take()
    }

    /// Returns the detailed report, which callers share once it is rendered.
    pub(crate) fn rendered(&self, snapshot: &Snapshot, probe: Probe) -> Bytes {
        snapshot.rendered(probe, || self.format.render(&snapshot.report(probe)))
    }

    /// Records that the refresher panicked or ended.
    pub(crate) fn refresher_is_away(&self, state: RefresherState) {
        let snapshot = self.snapshot.load();
        let awaits_startup = !snapshot.startup.is_empty() && !self.lifecycle.has_started();
        let renews_results = !snapshot.readiness.is_empty() || awaits_startup;
        self.lifecycle.refresher_is_away(state, renews_results);
    }

    /// Returns how often the refresher was restarted.
    pub(crate) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Returns how many transitions the listeners missed.
    pub(crate) fn missed_by_listeners(&self) -> u64 {
        self.missed_by_listeners.load(Ordering::Relaxed)
    }

    /// Counts a transition that the listeners missed.
    pub(crate) fn count_missed_by_listeners(&self) {
        self.missed_by_listeners.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many log lines were dropped.
    pub(crate) fn missed_by_log(&self) -> u64 {
        self.missed_by_log.load(Ordering::Relaxed)
    }

    /// Counts a log line that was dropped.
    pub(crate) fn count_missed_by_log(&self) {
        self.missed_by_log.fetch_add(1, Ordering::Relaxed);
    }

    /// Subscribes to changes of the statuses. The channel closes when the refresher has ended.
    #[cfg(feature = "grpc")]
    pub(crate) fn watch_statuses(&self) -> watch::Receiver<Statuses> {
        self.statuses.clone()
    }

    /// Subscribes to publications. The channel closes when the refresher has ended.
    pub(crate) fn watch_publications(&self) -> watch::Receiver<()> {
        self.publications.clone()
    }
}
