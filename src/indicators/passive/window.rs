//! The sliding window: counts in slots of time, which expire without anybody who clears them.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32};
use std::time::Duration;

use tokio::time::Instant;

use super::count::Count;
use super::streak::Streak;
use super::totals::{LATENCIES, Totals, latency};

#[cfg(test)]
mod tests;

/// How many slots of time make a window: it is precise to a tenth.
pub(super) const SLOTS: u32 = 10;

/// The counts of all calls, whichever layer they went through.
#[derive(Debug)]
pub(super) struct Window {
    /// How long it is. It cannot change while others count in it: the numbers of slots depend on it.
    length: Duration,
    /// How long a slot is. A division less for each call than if it came from the length.
    slot_nanos: u64,
    epoch: Instant,
    slots: [Slot; SLOTS as usize],
    /// Calls that have no answer yet and whose slot made room for a later one. It is below 0 for a
    /// moment if such a call ends just then.
    stuck: AtomicI64,
    streak: Streak,
    /// The latest error that the dependency answered; 0 before the first.
    pub(super) last_error: AtomicU32,
    /// Set once a layer or a call has the settings of the window.
    pub(super) is_in_use: AtomicBool,
}

/// How a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The dependency answered with an error.
    Error,
    /// The client got no answer.
    Unanswered,
}

/// An answer that has counted, to take it back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    slot: u32,
    /// `None` if it has no time.
    latency: Option<u8>,
    is_slow: bool,
}

/// What one slot of time counts.
#[derive(Debug, Default)]
struct Slot {
    /// Calls that began in it and have no answer yet.
    waiting: Count,
    /// Calls that were answered in it without an error, by how long that took.
    answered: [Count; LATENCIES],
    /// Calls that were answered in it without an error, after any time.
    untimed: Count,
    /// How many of those that have a time were slow.
    slow: Count,
    errors: Count,
    unanswered: Count,
    cancelled: [Count; LATENCIES],
}

impl Slot {
    fn answers(&self, counted: Counted) -> &Count {
        let latency = counted.latency.map(usize::from);
        latency.map_or(&self.untimed, |latency| &self.answered[latency])
    }
}

/// How long an answer took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Took {
    pub(super) time: Duration,
    pub(super) is_slow: bool,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        Self {
            length,
            slot_nanos: nanos(length / SLOTS).max(1),
            epoch: Instant::now(),
            slots: Default::default(),
            stuck: AtomicI64::new(0),
            streak: Streak::default(),
            last_error: AtomicU32::new(0),
            is_in_use: AtomicBool::new(false),
        }
    }

    pub(super) fn length(&self) -> Duration {
        self.length
    }

    /// For how long a call has been stuck, at least.
    pub(super) fn stuck_after(&self) -> Duration {
        self.width() * (SLOTS - 1)
    }

    /// Counts a call that waits from now on, and returns the number of its slot.
    pub(super) fn begin(&self, now: Instant) -> u32 {
        let number = self.number(now);
        // A call whose slot is gone already cannot be found there when it ends.
        let stuck = self.slot(number).waiting.add(number).unwrap_or(1);
        if stuck > 0 {
            self.stuck.fetch_add(stuck.into(), Relaxed);
        }
        number
    }

    /// Takes back that a call of this slot waits for an answer.
    pub(super) fn no_longer_waits(&self, number: u32) {
        if self.slot(number).waiting.take(number).is_err() {
            self.stuck.fetch_sub(1, Relaxed);
        }
    }

    /// Counts an answer. It has no time if it may take any.
    pub(super) fn answer(&self, now: Instant, took: Option<Took>) -> Counted {
        let counted = Counted {
            slot: self.number(now),
            latency: took.map(|took| latency(took.time) as u8),
            is_slow: took.is_some_and(|took| took.is_slow),
        };
        let slot = self.slot(counted.slot);
        let _ = slot.answers(counted).add(counted.slot);
        if counted.is_slow {
            let _ = slot.slow.add(counted.slot);
        }
        self.streak.end();
        counted
    }

    /// Takes an answer back whose body says that the call failed. One that has left the window is
    /// not there any more.
    pub(super) fn take_back(&self, counted: Counted) {
        let slot = self.slot(counted.slot);
        let _ = slot.answers(counted).take(counted.slot);
        if counted.is_slow {
            let _ = slot.slow.take(counted.slot);
        }
    }

    pub(super) fn fail(&self, now: Instant, ending: Ending) {
        let number = self.number(now);
        let slot = self.slot(number);
        let _ = match ending {
            Ending::Error => slot.errors.add(number),
            Ending::Unanswered => slot.unanswered.add(number),
        };
        self.streak.fail(self.millis(now));
    }

    /// Counts a call that was dropped before an answer and before it was slow.
    pub(super) fn cancel(&self, now: Instant, waited: Duration) {
        let number = self.number(now);
        let _ = self.slot(number).cancelled[latency(waited)].add(number);
    }

    /// Sums up the slots of the window that ends now. A call that has waited for longer than
    /// `slow_above` counts as overdue.
    pub(super) fn totals(&self, now: Instant, slow_above: Duration) -> Totals {
        self.totals_since(self.epoch, now, slow_above)
    }

    /// Sums up the slots of the window that ends now, from the slot of this time on.
    pub(super) fn totals_since(
        &self,
        since: Instant,
        now: Instant,
        slow_above: Duration,
    ) -> Totals {
        let present = self.number(now);
        let oldest = present.saturating_sub(SLOTS - 1);
        let first = oldest.max(self.number(since));
        let slow_before = now.checked_sub(slow_above);
        let moment = self.moment();
        let streak_before = now.checked_sub(slow_above.max(moment));
        let mut totals = Totals::default();
        // First those of slots that made room: a slot that does so meanwhile is then missed and not
        // counted twice.
        let stuck = u64::try_from(self.stuck.load(Relaxed)).unwrap_or(0);
        let left = self
            .slots
            .iter()
            .map(|slot| slot.waiting.get_before(oldest));
        totals.stuck = stuck + left.sum::<u64>();
        let failures = self.streak.get();
        // Overdue calls that began after the slot of the last answer.
        let mut overdue = 0;
        let mut first_failed_at = failures.first_at;
        let mut last_failed_at = failures.last_at;
        for number in (first..=present).rev() {
            let slot = self.slot(number);
            for (total, count) in totals.answered.iter_mut().zip(&slot.answered) {
                *total += count.get(number);
            }
            for (total, count) in totals.cancelled.iter_mut().zip(&slot.cancelled) {
                *total += count.get(number);
            }
            totals.untimed += slot.untimed.get(number);
            totals.slow += slot.slow.get(number);
            totals.errors += slot.errors.get(number);
            totals.unanswered += slot.unanswered.get(number);
            let waiting = slot.waiting.get(number);
            totals.waiting += waiting;
            // Every call of the slot began before its end.
            let end = self.epoch + self.width() * (number + 1);
            let is_before = |before: Option<Instant>| before.is_some_and(|before| end <= before);
            if waiting > 0 && is_before(slow_before) {
                totals.overdue += waiting;
                last_failed_at = last_failed_at.max(self.millis(end + slow_above));
            }
            if waiting > 0 && totals.answered() == 0 && is_before(streak_before) {
                first_failed_at = match overdue + failures.count {
                    0 => self.millis(end + slow_above),
                    _ => first_failed_at.min(self.millis(end + slow_above)),
                };
                overdue += waiting;
            }
        }
        let between = |from, to: u64| Duration::from_millis(to.saturating_sub(from));
        totals.streak_lasts = between(first_failed_at, last_failed_at);
        totals.silence = between(last_failed_at, self.millis(now));
        let is_moment = u128::from(failures.lasts()) < moment.as_millis();
        totals.streak = overdue + if is_moment { 0 } else { failures.count };
        totals
    }

    /// A connection that breaks fails many requests at once: failures say something about the
    /// dependency if they go on for longer than this.
    fn moment(&self) -> Duration {
        self.width().min(Duration::from_secs(1))
    }

    /// After so long without a failure an instance may be out of traffic, so that the failures before
    /// are old and not confirmed.
    pub(super) fn quiet_after(&self) -> Duration {
        self.width().max(Duration::from_secs(1))
    }

    fn width(&self) -> Duration {
        self.length / SLOTS
    }

    /// Returns the number of the slot at a time, counted from the epoch.
    fn number(&self, at: Instant) -> u32 {
        let since = nanos(at.saturating_duration_since(self.epoch));
        // With the shortest window this is 13 years away.
        u32::try_from(since / self.slot_nanos).unwrap_or(u32::MAX - 1)
    }

    fn millis(&self, at: Instant) -> u64 {
        nanos(at.saturating_duration_since(self.epoch)) / 1_000_000
    }

    fn slot(&self, number: u32) -> &Slot {
        &self.slots[(number % SLOTS) as usize]
    }
}

/// In 64 bits, since a division of 128 takes a hundred instructions. 584 years fit.
fn nanos(time: Duration) -> u64 {
    let seconds = time.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(time.subsec_nanos().into())
}
