//! The only writer of the shared state.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::watch;

use super::SharedState;
use super::statuses::Statuses;
use crate::model::{Probe, Snapshot, Status};

/// Publishes snapshots. The refresher holds it; dropping it closes the channels, so that no task
/// waits for a publication that cannot come.
#[derive(Debug)]
pub(crate) struct Publisher {
    state: Arc<SharedState>,
    statuses: watch::Sender<Statuses>,
    /// Signals each publication, whatever the snapshot contains.
    publications: watch::Sender<()>,
}

/// The statuses of the probes before and after a publication.
pub(crate) struct StatusChange {
    pub(crate) before: [Status; Probe::EACH.len()],
    pub(crate) after: [Status; Probe::EACH.len()],
}

impl Publisher {
    pub(super) fn new(
        state: Arc<SharedState>,
        statuses: watch::Sender<Statuses>,
        publications: watch::Sender<()>,
    ) -> Self {
        let publisher = Self {
            state,
            statuses,
            publications,
        };
        let statuses = Statuses::of(&publisher.state, &publisher.state.current());
        publisher.statuses.send_replace(statuses);
        publisher
    }

    pub(crate) fn state(&self) -> &Arc<SharedState> {
        &self.state
    }

    /// Publishes a snapshot, and wakes the tasks that wait for a publication or a changed status.
    pub(crate) fn publish(&self, snapshot: &Arc<Snapshot>) -> StatusChange {
        self.state.snapshot.store(Arc::clone(snapshot));
        let statuses = Statuses::of(&self.state, snapshot);
        let change = StatusChange {
            before: self.statuses.borrow().probes,
            after: statuses.probes,
        };
        self.statuses.send_if_modified(|latest| {
            let has_changed = *latest != statuses;
            *latest = statuses;
            has_changed
        });
        self.publications.send_replace(());
        change
    }

    /// Counts a restart of the refresher.
    pub(crate) fn count_restart(&self) {
        self.state.restarts.fetch_add(1, Ordering::Relaxed);
    }
}
