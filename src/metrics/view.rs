//! What the metrics are made of: one snapshot, and the counters of the health beside it.

use std::sync::Arc;

use crate::{CheckState, Health, Lateness, Probe, ProbeRequests, Snapshot};

/// Holds everything that a scrape reads, taken at one moment.
pub(super) struct View {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) lateness: Lateness,
    pub(super) restarts: u64,
    pub(super) missed_by_listeners: u64,
    pub(super) missed_by_log: u64,
    /// Empty unless they are counted.
    pub(super) probe_requests: Vec<ProbeRequests>,
    pub(super) release: Release,
}

/// Tells which release runs where; an empty text stands for what was not set.
pub(super) struct Release {
    pub(super) version: String,
    pub(super) release_id: String,
    pub(super) service_id: String,
    pub(super) environment: String,
}

impl View {
    pub(super) fn of(health: &Health) -> Self {
        let config = health.config();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            // First: a counter that is a moment younger than the snapshot only grows.
            snapshot: health.snapshot(),
            lateness: health.lateness(),
            restarts: health.refresher_restarts(),
            missed_by_listeners: health.missed_by_listeners(),
            missed_by_log: health.missed_by_log(),
            probe_requests: health.probe_requests(),
            release: Release {
                version: text(&config.version),
                release_id: text(&config.release_id),
                service_id: text(&config.service_id),
                environment: text(&config.environment),
            },
        }
    }

    /// Returns each check with its probe. Two probes may have a check of the same name.
    pub(super) fn checks(&self) -> impl Iterator<Item = (Probe, &CheckState)> {
        [Probe::Readiness, Probe::Startup]
            .into_iter()
            .flat_map(|probe| self.snapshot.checks(probe).map(move |check| (probe, check)))
    }
}
