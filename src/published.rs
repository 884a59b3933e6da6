//! What the refresher publishes and everybody else reads: the only thing a probe touches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use bytes::Bytes;

use crate::clock;
use crate::format::Format;
use crate::grpc::Services;
use crate::history::History;
use crate::lifecycle::Lifecycle;
use crate::model::{Aggregate, Identity, Snapshot, Status, pass_if};
use crate::probe::Probe;

#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) lifecycle: Arc<Lifecycle>,
    snapshot: ArcSwap<Snapshot>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) format: Format,
    pub(crate) services: Services,
    epoch: Instant,
    /// The second, counted from the epoch and from 1, in which readiness was last probed.
    probed_at: AtomicU64,
    restarts: AtomicU64,
    pub(crate) history: History,
}

impl Published {
    pub(crate) fn new(
        lifecycle: Arc<Lifecycle>,
        snapshot: Snapshot,
        format: Format,
        epoch: Instant,
        services: Services,
    ) -> Self {
        Self {
            lifecycle,
            identity: Arc::clone(&snapshot.identity),
            snapshot: ArcSwap::from_pointee(snapshot),
            format,
            services,
            epoch,
            probed_at: AtomicU64::new(0),
            restarts: AtomicU64::new(0),
            history: History::default(),
        }
    }

    /// The status of a probe at this moment, in time that does not depend on the number of checks.
    ///
    /// The latches of the process come first: no snapshot, however late, overrules them.
    #[inline]
    pub(crate) fn status(&self, probe: Probe) -> Status {
        match probe {
            Probe::Liveness => pass_if(self.lifecycle.is_alive()),
            Probe::Startup => pass_if(self.lifecycle.has_started()),
            Probe::Readiness => self.readiness_of(&self.snapshot.load().aggregate, clock::now()),
        }
    }

    /// The status of a probe that somebody outside asked for.
    #[inline]
    pub(crate) fn probe(&self, probe: Probe) -> Status {
        if probe != Probe::Readiness {
            return self.status(probe);
        }
        let (snapshot, now) = (self.snapshot.load(), clock::now());
        if snapshot.counts_probes {
            self.note_probe(now);
        }
        self.readiness_of(&snapshot.aggregate, now)
    }

    /// What the process itself says comes first.
    #[inline]
    fn readiness_of(&self, checks: &Aggregate, now: Instant) -> Status {
        if self.lifecycle.takes_traffic() {
            checks.at(now)
        } else {
            Status::Fail
        }
    }

    /// The status of a group of checks; `None` if there is no such group.
    #[cfg(feature = "grpc")]
    pub(crate) fn group(&self, name: &str) -> Option<Status> {
        let snapshot = self.snapshot.load();
        let group = snapshot.groups.get(name)?;
        Some(self.readiness_of(group, clock::now()))
    }

    /// The status of a group of checks that somebody outside asked for.
    #[cfg(feature = "grpc")]
    pub(crate) fn probe_group(&self, name: &str) -> Option<Status> {
        let status = self.group(name)?;
        self.probe(Probe::Readiness);
        Some(status)
    }

    /// Written once a second at most, so that probes on several cores do not pull at one cache
    /// line.
    #[inline]
    pub(crate) fn note_probe(&self, now: Instant) {
        let second = now.saturating_duration_since(self.epoch).as_secs() + 1;
        if self.probed_at.load(Ordering::Relaxed) != second {
            self.probed_at.store(second, Ordering::Relaxed);
        }
    }

    /// The latest snapshot, or one made for the moment where the latest no longer holds: the
    /// refresher has not caught up, or there is none any more.
    pub(crate) fn current(&self) -> Arc<Snapshot> {
        let now = clock::now();
        let latest = self.snapshot.load_full();
        let expired = latest.valid_until().is_some_and(|until| until <= now);
        if !expired && latest.lifecycle.version == self.lifecycle.version() {
            return latest;
        }
        let view = self.lifecycle.view(now);
        Arc::new(latest.with_lifecycle(view, (now, SystemTime::now())))
    }

    /// The detailed report, rendered at most once for each snapshot.
    pub(crate) fn rendered(&self, snapshot: &Snapshot, probe: Probe) -> Bytes {
        snapshot.rendered(probe, |report| self.format.render(report))
    }

    /// Only the refresher calls this.
    pub(crate) fn publish(&self, snapshot: Arc<Snapshot>) {
        self.snapshot.store(snapshot);
    }

    /// Only the refresher calls this.
    pub(crate) fn count_restart(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Whether somebody asks for readiness all the time, or did within this time, give or take the
    /// second.
    pub(crate) fn probed_within(&self, window: Duration, now: Instant) -> bool {
        if self.services.are_checks_watched() {
            return true;
        }
        let second = self.probed_at.load(Ordering::Relaxed);
        second > 0 && self.epoch + Duration::from_secs(second) + window >= now
    }
}
