//! The heartbeats of the process: loops that must beat within their deadline.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use crate::model::HeartbeatView;
use crate::state::clock::{self, Epoch, as_nanos};

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
    epoch: Epoch,
}

/// One heartbeat, as the list and its handle share it.
#[derive(Debug)]
pub(crate) struct HeartbeatCell {
    name: Arc<str>,
    deadline: Duration,
    /// Nanoseconds after the epoch at which the next beat is missed.
    due: AtomicU64,
    /// `due` as the refresher last moved it, and by how much in all since the beat. Only the
    /// refresher uses them.
    moved_to: AtomicU64,
    moved_by: AtomicU64,
}

impl HeartbeatCell {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn due(&self) -> u64 {
        self.due.load(Ordering::Relaxed)
    }

    /// Returns when the next beat is missed; `None` if the loop is dead or finished.
    fn pending(&self) -> Option<u64> {
        Some(self.due()).filter(|due| ![DEAD, FINISHED].contains(due))
    }

    /// Moves the deadline by a lateness, if it had not passed by `alarm`, and lets the loop run for
    /// at least `grace`. The bound is for the sum of all moves since the last beat.
    fn move_by(&self, late: Moves) {
        let Some(due) = self.pending().filter(|due| *due >= late.alarm) else {
            return;
        };
        let moved_before = if self.moved_to.load(Ordering::Relaxed) == due {
            self.moved_by.load(Ordering::Relaxed)
        } else {
            0
        };
        // A beat within the lateness has restarted the deadline: only what came after it counts.
        let beat_at = due.saturating_sub(moved_before);
        let beat_at = beat_at.saturating_sub(as_nanos(self.deadline));
        let late_from = beat_at.max(late.alarm);
        let late_by = late.until.saturating_sub(late_from);
        if late_by == 0 {
            return;
        }
        // Grace comes once: a loop that is stuck on a host that is never on time is missed, too.
        let grace = if moved_before == 0 {
            late.earliest.saturating_sub(due)
        } else {
            0
        };
        let wanted = late_by.max(grace);
        let by = wanted.min(late.bound.saturating_sub(moved_before));
        let moved = due.saturating_add(by);
        let swapped = self
            .due
            .compare_exchange(due, moved, Ordering::Relaxed, Ordering::Relaxed);
        // Otherwise the loop has beaten, and needs no more time.
        if swapped.is_ok() {
            self.moved_to.store(moved, Ordering::Relaxed);
            self.moved_by.store(moved_before + by, Ordering::Relaxed);
        }
    }

    /// Marks the loop as dead, unless it was finished.
    pub(crate) fn die(&self) {
        if self.due() != FINISHED {
            self.due.store(DEAD, Ordering::Relaxed);
        }
    }
}

/// How deadlines move, in nanoseconds.
#[derive(Clone, Copy)]
struct Moves {
    /// When the refresher should have woken up.
    alarm: u64,
    /// When it did.
    until: u64,
    /// The earliest moment at which a deadline may lie.
    earliest: u64,
    bound: u64,
}

impl Heartbeats {
    pub(super) fn new(epoch: Epoch) -> Self {
        Self {
            cells: ArcSwap::default(),
            any: AtomicBool::new(false),
            writer: Mutex::new(()),
            epoch,
        }
    }

    /// Returns whether there are none, which is all that most probes need.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    /// Returns how many are missed.
    pub(super) fn missed(&self, now: Instant) -> usize {
        let now = self.epoch.nanos(now);
        let cells = self.cells.load();
        cells.iter().filter(|cell| cell.due() <= now).count()
    }

    /// Returns when the next beat is missed, if none comes; `None` if no loop is waited for.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let now = self.epoch.nanos(now);
        let cells = self.cells.load();
        let pending = cells.iter().filter_map(|cell| cell.pending());
        let next = pending.filter(|due| *due > now).min()?;
        Some(self.epoch.at(next))
    }

    /// Moves the deadlines that had not passed by `alarm`, when the refresher was due to wake up,
    /// since the loops could not run either.
    pub(crate) fn move_by(&self, late: Duration, alarm: Instant, grace: Duration, bound: Duration) {
        let moves = Moves {
            alarm: self.epoch.nanos(alarm),
            until: self.epoch.nanos(alarm + late),
            earliest: self.epoch.nanos(alarm + late + grace),
            bound: as_nanos(bound),
        };
        self.cells
            .load()
            .iter()
            .for_each(|cell| cell.move_by(moves));
    }

    /// Adds a loop, whose deadline counts from now. Replaces a dead loop of the same name; returns
    /// `None` if that loop is alive.
    pub(crate) fn add(&self, name: &str, deadline: Duration) -> Option<Arc<HeartbeatCell>> {
        let cell = Arc::new(HeartbeatCell {
            name: name.into(),
            deadline,
            due: AtomicU64::new(self.due(deadline)),
            moved_to: AtomicU64::new(DEAD),
            moved_by: AtomicU64::new(0),
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
        let due = self.epoch.nanos(now + cell.deadline);
        cell.due.swap(due, Ordering::Relaxed) <= self.epoch.nanos(now)
    }

    /// Removes a loop that ended as intended.
    pub(crate) fn finish(&self, cell: &Arc<HeartbeatCell>) {
        cell.due.store(FINISHED, Ordering::Relaxed);
        self.edit(|cells| cells.retain(|other| !Arc::ptr_eq(other, cell)));
    }

    pub(super) fn view(&self, now: Instant) -> Vec<HeartbeatView> {
        let nanos = self.epoch.nanos(now);
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
                fault,
            }
        };
        self.cells.load().iter().map(view).collect()
    }

    /// Returns when the next beat is due. Never `DEAD`, since a deadline is longer than zero.
    fn due(&self, deadline: Duration) -> u64 {
        self.epoch.nanos(clock::now() + deadline)
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

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Heartbeats with a loop that has to beat once a second, and when they began.
    fn beating() -> (Heartbeats, Arc<HeartbeatCell>, Instant) {
        let start = clock::now();
        let heartbeats = Heartbeats::new(Epoch::new(start));
        let cell = heartbeats.add("consumer", ms(1_000)).expect("a free name");
        (heartbeats, cell, start)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_due_now_is_missed_and_no_longer_awaited() {
        let (heartbeats, _cell, start) = beating();
        let due = start + ms(1_000);
        for (now, missed, next) in [(due - ms(1), 0, Some(due)), (due, 1, None)] {
            assert_eq!(heartbeats.missed(now), missed);
            assert_eq!(heartbeats.next_deadline(now), next);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_bound_is_for_all_lateness_since_a_beat() {
        let (heartbeats, cell, start) = beating();
        let due_after = |alarm: u64, late: u64| {
            heartbeats.move_by(ms(late), start + ms(alarm), ms(0), ms(1_000));
            heartbeats.next_deadline(start).map(|due| due - start)
        };
        assert_eq!(due_after(100, 600), Some(ms(1_600)));
        assert_eq!(due_after(800, 600), Some(ms(2_000)));
        assert_eq!(due_after(1_500, 600), Some(ms(2_000)));
        tokio::time::advance(ms(1_900)).await;
        heartbeats.beat(&cell);
        assert_eq!(due_after(2_000, 600), Some(ms(3_500)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_was_about_to_beat_has_its_grace_once() {
        let (heartbeats, _cell, start) = beating();
        let due_after = |alarm: u64, late: u64| {
            heartbeats.move_by(ms(late), start + ms(alarm), ms(100), ms(60_000));
            heartbeats.next_deadline(start).map(|due| due - start)
        };
        assert_eq!(due_after(950, 600), Some(ms(1_650)));
        assert_eq!(due_after(1_640, 600), Some(ms(2_250)));
    }
}
