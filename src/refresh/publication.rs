//! What the scheduler has to tell, from a change until the snapshot that shows it.
//!
//! Changes that come together are published together, in this order: the snapshot, what readers saw
//! before it, its transitions, and last the callers that wait for it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::alarm::Late;
use super::logger::LogLine;
use super::notifier::Notifier;
use super::slot::{Slot, SlotKey};
use crate::model::{CheckState, Moment, Probe, Snapshot, Status, Subject, Transition};
use crate::state::{ExpiredLook, Publisher, SharedState, clock};

/// The delay of results that change no status, so that several are published together.
const COALESCE: Duration = Duration::from_millis(10);

/// How long before the old result expires a new one is published at the latest.
const BEFORE_EXPIRY: Duration = Duration::from_millis(1);

/// The shortest time between two looks at the heartbeats. Probes look at them themselves; this is
/// for those who are told of a change.
const LOOK_AT_HEARTBEATS: Duration = Duration::from_millis(10);

/// The interval at which the scheduler looks at the clock while a heartbeat is pending: a quarter of
/// the time that is left, within this range.
const HEARTBEAT_TICK: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(1);

pub(super) struct Publication {
    publisher: Publisher,
    notifier: Notifier,
    next: Next,
    /// When to see whether the latest snapshot is out of date without any event.
    look_at: Option<Instant>,
    /// When the snapshot was taken of which an expired look was announced last, and what it showed.
    last_seen: Option<(Instant, Status)>,
}

/// Holds what is announced with the next snapshot.
#[derive(Default)]
struct Next {
    /// When the snapshot is due; `None` if there is nothing to publish.
    due: Option<Instant>,
    transitions: Vec<Transition>,
    /// The checks that were removed, whose history ends with the announcements.
    removed: Vec<Subject>,
    /// The callers that wait for the snapshot.
    acks: Vec<oneshot::Sender<()>>,
}

impl Publication {
    pub(super) fn new(publisher: Publisher, notifier: Notifier) -> Self {
        Self {
            publisher,
            notifier,
            next: Next::default(),
            look_at: None,
            last_seen: None,
        }
    }

    pub(super) fn state(&self) -> &Arc<SharedState> {
        self.publisher.state()
    }

    /// Writes a line to the log, whatever is published.
    pub(super) fn log(&self, line: LogLine) {
        self.notifier.log(line);
    }

    /// Counts a restart of the scheduler.
    pub(super) fn count_restart(&mut self) {
        self.publisher.count_restart();
    }

    /// Makes the next snapshot due by then, or earlier.
    pub(super) fn due_by(&mut self, due: Instant) {
        self.next.due = Some(self.next.due.map_or(due, |other| other.min(due)));
    }

    /// Makes the next snapshot due soon, for a result that perhaps changes no status.
    pub(super) fn due_soon(&mut self, now: Instant) {
        let expiry = self.state().next_expiry();
        let before = expiry.and_then(|expiry| expiry.checked_sub(BEFORE_EXPIRY));
        let due = now + COALESCE;
        self.due_by(before.map_or(due, |before| due.min(before)));
    }

    /// Announces a transition with the next snapshot, which is due now.
    pub(super) fn add_transition(&mut self, transition: Transition, now: Instant) {
        self.next.transitions.push(transition);
        self.due_by(now);
    }

    /// Tells callers of the next snapshot, which is due now.
    pub(super) fn acknowledge(
        &mut self,
        callers: impl IntoIterator<Item = oneshot::Sender<()>>,
        now: Instant,
    ) {
        self.next.acks.extend(callers);
        self.due_by(now);
    }

    /// Ends the history of a check with the next snapshot.
    pub(super) fn forget(&mut self, removed: Subject) {
        self.next.removed.push(removed);
    }

    /// Publishes a snapshot if one is due. Returns whether that has woken other tasks.
    pub(super) fn publish_if_due(
        &mut self,
        slots: &BTreeMap<SlotKey, Slot>,
        last_late: Option<Late>,
        now: Instant,
    ) -> bool {
        if self.look_at.is_some_and(|at| at <= now) {
            if self.state().needs_snapshot(now) {
                self.due_by(now);
            } else {
                self.look_later(now);
            }
        }
        if self.next.due.is_none_or(|due| due > now) {
            return false;
        }
        let next = std::mem::take(&mut self.next);
        let checks = |wanted| -> Vec<Arc<CheckState>> {
            let slots = slots.values().filter(|slot| slot.probe == wanted);
            slots.map(|slot| Arc::clone(&slot.state)).collect()
        };
        let snapshot = Arc::new(Snapshot::new(
            checks(Probe::Readiness),
            checks(Probe::Startup),
            self.state().lifecycle.view(now, now),
            Arc::clone(&self.state().identity),
            Moment::on_time(now, clock::wall()),
        ));
        let published = self.publisher.publish(&snapshot);
        let mut has_announced = false;
        for look in self.state().take_expired_looks() {
            has_announced |= self.announce_look(&look, &snapshot, last_late);
        }
        has_announced |= self.notifier.announce(&snapshot, next.transitions);
        self.publisher.wake(published);
        for subject in &next.removed {
            self.state().history.forget(subject);
        }
        for ack in next.acks {
            // An error means that the caller stopped waiting.
            let _ = ack.send(());
        }
        self.look_later(now);
        has_announced
    }

    /// Announces what a probe saw of an earlier snapshot while the scheduler was not there. What
    /// holds now is announced after it.
    fn announce_look(
        &mut self,
        look: &ExpiredLook,
        now: &Snapshot,
        last_late: Option<Late>,
    ) -> bool {
        // Readers may see a snapshot a moment longer than it is the latest.
        let (seen, status) = (look.snapshot.taken_at, look.status());
        let is_told = |(at, worst): (Instant, Status)| at == seen && worst >= status;
        if self.last_seen.is_some_and(is_told) {
            return false;
        }
        self.last_seen = Some((seen, status));
        let overdue = last_late.map_or(Duration::ZERO, |late| {
            let overdue = look.at.saturating_duration_since(late.alarm);
            if seen < late.alarm {
                overdue
            } else {
                Duration::ZERO
            }
        });
        let ago = now.taken_at.saturating_duration_since(look.at);
        let moment = Moment {
            at: look.at,
            time: now.time - ago,
            judged_at: look.judged_at,
            overdue,
        };
        let seen = look.snapshot.with_lifecycle(now.lifecycle.clone(), moment);
        self.notifier.announce(&seen, Vec::new())
    }

    fn look_later(&mut self, now: Instant) {
        let heartbeat = self.state().lifecycle.heartbeats.next_deadline(now);
        let heartbeat = heartbeat.map(|missed_at| {
            let tick = (missed_at - now) / 4;
            let tick = tick.clamp(*HEARTBEAT_TICK.start(), *HEARTBEAT_TICK.end());
            missed_at.min(now + tick).max(now + LOOK_AT_HEARTBEATS)
        });
        let result = self.state().next_expiry();
        self.look_at = [heartbeat, result].into_iter().flatten().min();
    }

    /// Returns when to publish, or to see whether to.
    pub(super) fn next_alarm(&self) -> Option<Instant> {
        [self.next.due, self.look_at].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests;
