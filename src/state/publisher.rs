//! The only writer of the shared state.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::watch;

use super::SharedState;
use super::statuses::Statuses;
use crate::model::Snapshot;

/// Publishes snapshots. The refresher holds it; dropping it closes the channels, so that no task
/// waits for a publication that cannot come.
#[derive(Debug)]
pub(crate) struct Publisher {
    state: Arc<SharedState>,
    statuses: watch::Sender<Statuses>,
    /// Signals each publication, whatever the snapshot contains.
    publications: watch::Sender<()>,
}

/// A publication that no waiting task knows of yet.
#[must_use = "waiting tasks are woken once it is passed to `wake`"]
pub(crate) struct Published(Statuses);

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

    /// Publishes a snapshot. It [wakes](Self::wake) no task yet, so that a task that waits for a
    /// change finds it announced.
    pub(crate) fn publish(&self, snapshot: &Arc<Snapshot>) -> Published {
        self.state.snapshot.store(Arc::clone(snapshot));
        Published(Statuses::of(&self.state, snapshot))
    }

    /// Wakes the tasks that wait for a publication or a changed status.
    pub(crate) fn wake(&self, Published(after): Published) {
        self.statuses.send_if_modified(|latest| {
            let has_changed = *latest != after;
            *latest = after;
            has_changed
        });
        self.publications.send_replace(());
    }

    /// Counts a restart of the refresher.
    pub(crate) fn count_restart(&self) {
        self.state.restarts.fetch_add(1, Ordering::Relaxed);
    }
}
