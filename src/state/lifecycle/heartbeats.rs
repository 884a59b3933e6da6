//! The heartbeats of the process: loops that must beat within their deadline.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use crate::model::HeartbeatView;
use crate::state::clock;

/// `due` of a heartbeat whose handle was dropped: it is always missed.
const DEAD: u64 = 0;

/// `due` of a heartbeat that was finished: it is never missed.
const FINISHED: u64 = u64::MAX;

#[derive(Debug)]
pub(crate) struct Heartbeats {
    cells: ArcSwap<Vec<Arc<HeartbeatCell>>>,
    /// Whether the list has any. Most services have none, and their probes read only this.
    any: AtomicBool,
    /// Held while the list is changed, never while it is read.
    writer: Mutex<()>,
    epoch: Instant,
}

/// One heartbeat, as the list and its handle share it.
#[derive(Debug)]
pub(crate) struct HeartbeatCell {
    name: Arc<str>,
    deadline: Duration,
    /// Nanoseconds after the epoch at which the next beat is missed.
    due: AtomicU64,
}

impl HeartbeatCell {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn due(&self) -> u64 {
        self.due.load(Ordering::Relaxed)
    }

    /// Marks the loop as dead, unless it was finished.
    pub(crate) fn die(&self) {
        if self.due() != FINISHED {
            self.due.store(DEAD, Ordering::Relaxed);
        }
    }
}

impl Heartbeats {
    pub(super) fn new(epoch: Instant) -> Self {
        Self {
            cells: ArcSwap::default(),
            any: AtomicBool::new(false),
            writer: Mutex::new(()),
            epoch,
        }
    }

    #[inline]
    pub(super) fn all_beat(&self) -> bool {
        !self.any.load(Ordering::Acquire) || self.none_is_missed()
    }

    fn none_is_missed(&self) -> bool {
        let now = self.nanos(clock::now());
        !self.cells.load().iter().any(|cell| cell.due() <= now)
    }

    /// Adds a loop, whose deadline counts from now. Replaces a dead loop of the same name; returns
    /// `None` if that loop is alive.
    pub(crate) fn add(&self, name: &str, deadline: Duration) -> Option<Arc<HeartbeatCell>> {
        let cell = Arc::new(HeartbeatCell {
            name: name.into(),
            deadline,
            due: AtomicU64::new(self.due(deadline)),
        });
        self.edit(|cells| {
            match cells.iter_mut().find(|other| *other.name == *name) {
                Some(other) if other.due() == DEAD => *other = Arc::clone(&cell),
                Some(_) => return None,
                None => cells.push(Arc::clone(&cell)),
            }
            Some(cell)
        })
    }

    /// Restarts the deadline. Returns whether the heartbeat had been missed.
    pub(crate) fn beat(&self, cell: &HeartbeatCell) -> bool {
        let now = clock::now();
        let due = self.nanos(now + cell.deadline);
        cell.due.swap(due, Ordering::Relaxed) <= self.nanos(now)
    }

    /// Removes a loop that ended as intended.
    pub(crate) fn finish(&self, cell: &Arc<HeartbeatCell>) {
        cell.due.store(FINISHED, Ordering::Relaxed);
        self.edit(|cells| cells.retain(|other| !Arc::ptr_eq(other, cell)));
    }

    pub(super) fn view(&self, now: Instant) -> Vec<HeartbeatView> {
        let nanos = self.nanos(now);
        let view = |cell: &Arc<HeartbeatCell>| {
            let due = cell.due();
            let fault = (due <= nanos).then(|| {
                if due == DEAD {
                    "its loop ended: dropped without finish()".to_owned()
                } else {
                    // The text has no age, so that it stays true for as long as the report lives.
                    let deadline = humantime::format_duration(cell.deadline);
                    format!("no beat within its deadline of {deadline}")
                }
            });
            HeartbeatView {
                name: Arc::clone(&cell.name),
                deadline: fault
                    .is_none()
                    .then(|| self.epoch + Duration::from_nanos(due)),
                fault,
            }
        };
        self.cells.load().iter().map(view).collect()
    }

    fn nanos(&self, at: Instant) -> u64 {
        // Saturates after 584 years.
        u64::try_from(at.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Returns when the next beat is due. Never `DEAD`, since a deadline is longer than zero.
    fn due(&self, deadline: Duration) -> u64 {
        self.nanos(clock::now() + deadline)
    }

    fn edit<T>(&self, edit: impl FnOnce(&mut Vec<Arc<HeartbeatCell>>) -> T) -> T {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cells = Vec::clone(&self.cells.load());
        let result = edit(&mut cells);
        let any = !cells.is_empty();
        self.cells.store(Arc::new(cells));
        self.any.store(any, Ordering::Release);
        result
    }
}
